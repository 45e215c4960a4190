"""Serves a model bundle by the Open Inference Protocol."""
