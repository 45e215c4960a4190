"""Pooled outputs of a frozen backbone: computed once, kept by content."""
