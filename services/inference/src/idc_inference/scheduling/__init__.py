"""One device shared by many requests: admission, turns, deadlines and the health of the device."""
