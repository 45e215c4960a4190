"""Lamps and buzzer that react to classifications on a Raspberry Pi."""
