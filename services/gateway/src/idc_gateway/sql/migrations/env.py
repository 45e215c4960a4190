"""Alembic's entry: runs the migrations on the connection that the gateway opened."""

from alembic import context

from idc_gateway.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
