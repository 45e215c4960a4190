"""Adapters: each names its technology."""
