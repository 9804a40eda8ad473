"""Files that are fetched once."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    side = sa.Enum(
        "company", "alumni", name="side_known", native_enum=False, create_constraint=True, length=32
    )
    op.create_table(
        "downloads",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("side", side, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_downloads")),
    )


def downgrade() -> None:
    op.drop_table("downloads")
