"""The ways to accounts in Teams."""

import sqlalchemy as sa
from alembic import op

from storage.columns import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams_references",
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("service_url", sa.String(length=300), nullable=False),
        sa.Column("conversation", sa.String(length=300), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["address"],
            ["accounts.address"],
            name=op.f("fk_teams_references_address"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_teams_references")),
    )
    op.create_index(op.f("ix_teams_references_at"), "teams_references", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_teams_references_at"), table_name="teams_references")
    op.drop_table("teams_references")
