"""The gateway over HTTP: requests, retries, failures and the stream of results."""
