"""The database: engine, transactions, tables, migrations. Statements are in each room's `*_store` modules."""
