"""Model versions: loaded, self-tested, exchanged, recovered and unloaded."""
