"""The database's history, by Alembic; a new file in `versions` for each change of the tables."""
