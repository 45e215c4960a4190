"""HTTP: routes, problems, metrics."""
