"""The gateway's database, by SQLAlchemy Core: SQLite or PostgreSQL. One class for each part of the store."""
