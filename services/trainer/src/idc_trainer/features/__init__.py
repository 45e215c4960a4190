"""Pooled features of patches: stain augmentation, extraction and the cache on disk."""
