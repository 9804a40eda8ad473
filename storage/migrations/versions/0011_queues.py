"""Messages wait in queues: what many get at once lets everything else pass."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("bulk", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_outbox_queue"), "outbox", ["status", "route", "bulk", "due_at"])
    op.add_column("accounts", sa.Column("chat", sa.String(length=200), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("accounts", "chat")
    op.drop_index(op.f("ix_outbox_queue"), table_name="outbox")
    op.drop_column("outbox", "bulk")
