"""Lamps, buzzer and button: patterns in time, their player, and the GPIO pins."""
