"""Logging, heartbeat, settings and broker connection that the services share."""
