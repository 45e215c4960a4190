"""Backups of the database and its images, and their restore."""
