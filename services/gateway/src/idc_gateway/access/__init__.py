"""Who may come in: keys, users, sessions, scopes, passwords, limits."""
