"""Folders of patches: what was sent together, as the work list shows it."""
