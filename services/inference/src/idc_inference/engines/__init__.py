"""Devices that compute the model: OpenVINO, the Neural Compute Stick, and the choice between them."""
