"""Screens the slides of the queue, one after the other in each worker."""
