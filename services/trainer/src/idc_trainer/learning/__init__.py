"""What is fitted: linear head, calibration, thresholds, fine-tuning; and the recipe that sets it all."""
