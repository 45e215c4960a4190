"""The database: engine, transactions, tables, migrations. Statements stand in each room's `*_store` modules."""
