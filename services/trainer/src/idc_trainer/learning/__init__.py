"""What is learned: augmentation, head, fine-tuning, calibration, operating point."""
