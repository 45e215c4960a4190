"""HTTP: routes, dependencies, problems, middleware, metrics, the page."""
