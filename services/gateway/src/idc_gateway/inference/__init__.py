"""Bytes of patches in, predictions out: clients, balancing, circuit breakers."""
