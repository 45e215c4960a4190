"""Which places of a patch the model's answer rests on: parts of it are hidden, one after the other."""
