"""HTTP: endpoints, error responses and the server."""
