"""Metrics of scored patches with their confidence intervals: AUC, sensitivity, calibration error and so on."""
