"""The state machine: what an alarm knows, and what lamps and buzzer do; pure functions of situation, event and time."""
