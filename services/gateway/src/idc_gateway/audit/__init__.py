"""The audit chain: a ground room, since every other room appends to it."""
