"""Databases of the services, SQLite or PostgreSQL: engines, transactions, migrations. Tables are each service's own.

It needs the extra `sql`.
"""
