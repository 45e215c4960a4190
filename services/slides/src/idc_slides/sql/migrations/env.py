"""Alembic's entry: runs the migrations on the connection that the service opened."""

from alembic import context

from idc_slides.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    version_table="slides_version",
)
context.run_migrations()
