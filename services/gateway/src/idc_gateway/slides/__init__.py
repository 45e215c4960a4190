"""Whole slides: the connection to the slides service, and the event and audit record of each screened slide."""
