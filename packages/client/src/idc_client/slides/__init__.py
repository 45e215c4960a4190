"""Whole slides: resumable uploads, waiting for results, and their tables."""
