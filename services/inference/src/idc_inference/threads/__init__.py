"""Threads for work that may hang, and the end of a process whose threads hang."""
