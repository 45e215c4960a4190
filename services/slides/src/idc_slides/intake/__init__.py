"""How slides come in: the watched folder, uploads, S3."""
