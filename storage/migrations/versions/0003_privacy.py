"""What self-service needs: the list of erasures, and marks that hold whatever a notice says."""

import sqlalchemy as sa
from alembic import op

from storage.columns import WHOLE, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column(
            "why",
            sa.Enum(
                "own",
                "refused",
                "withdrawn",
                "silent",
                "stayed",
                "struck",
                "deceased",
                name="why_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=False),
        sa.Column("proof", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_person_id"), "erasures", ["person_id"])
    op.add_column(
        "suppressions", sa.Column("for_good", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("suppressions", "for_good")
    op.drop_table("erasures")
