"""Trains the IDC classifier and writes model bundles for OpenVINO."""
