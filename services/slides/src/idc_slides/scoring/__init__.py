"""Scores of cells from inference, by the Open Inference Protocol."""
