"""A message remembers how often it was taken, and whether it was said once more without anybody knowing."""

import sqlalchemy as sa
from alembic import op

from storage.columns import WHOLE

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    in_channel = sa.text("route = 'channel'")
    op.add_column("outbox", sa.Column("claims", WHOLE, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("repeated", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        op.f("ix_outbox_place"), "outbox", ["remote"], postgresql_where=in_channel, sqlite_where=in_channel
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_place"), table_name="outbox")
    op.drop_column("outbox", "repeated")
    op.drop_column("outbox", "claims")
