"""The patches: where they lie, what is wrong with them, who stands on which side."""
