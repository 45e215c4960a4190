"""Screens whole slides."""
