"""What may happen to a patch between two scanners, done at random to training patches."""
