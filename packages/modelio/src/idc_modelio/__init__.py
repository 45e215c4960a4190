"""Reads patches and model bundles the same way in training and serving."""
