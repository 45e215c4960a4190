"""Figures of a compiled bundle."""
