"""Alembic's entry: over a connection that we opened, or, with `--sql`, writing what would be done."""

from alembic import context

from storage.schema import metadata

connection = context.config.attributes.get("connection")
context.configure(
    connection=connection,
    dialect_name=context.config.get_main_option("dialect"),
    target_metadata=metadata(),
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
