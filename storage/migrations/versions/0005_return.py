"""Coming back by the public page, and another private address."""

import sqlalchemy as sa
from alembic import op

from storage.columns import WHOLE, Sealed, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BEFORE = ("prove", "join")
SINCE = (*BEFORE, "new_address", "old_address", "return")


def upgrade() -> None:
    op.create_table(
        "address_changes",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("email", Sealed(), nullable=False),
        sa.Column("blind", sa.LargeBinary(length=16), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("proven_at", UtcDateTime(), nullable=True),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("approved_by", sa.String(length=16), nullable=False),
        sa.Column("asked_hr_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_address_changes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_changes")),
        sa.UniqueConstraint("person_id", name=op.f("uq_address_changes_person_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_address_changes_expires_at"), "address_changes", ["expires_at"], unique=False)
    op.create_table(
        "returns",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("story", Sealed(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_returns_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
        sa.UniqueConstraint("person_id", name=op.f("uq_returns_person_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_returns_expires_at"), "returns", ["expires_at"], unique=False)
    _codes_are_good_for(SINCE)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM codes WHERE use NOT IN ('prove', 'join')"))
    _codes_are_good_for(BEFORE)
    op.drop_table("returns")
    op.drop_table("address_changes")


def _codes_are_good_for(uses: tuple[str, ...]) -> None:
    """SQLite cannot change a check: there the table is made anew."""
    known = f"use IN ({', '.join(map(repr, uses))})"
    if op.get_context().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_codes_use_known"), "codes", type_="check")
        op.create_check_constraint(op.f("ck_codes_use_known"), "codes", known)
        return
    op.create_table(
        "codes_anew",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("use", sa.String(length=32), nullable=False),
        sa.Column("selector", sa.String(length=8), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("about", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("wrong", WHOLE, nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint(known, name=op.f("ck_codes_use_known")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_codes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codes")),
    )
    op.execute("INSERT INTO codes_anew SELECT * FROM codes")
    op.drop_table("codes")
    op.rename_table("codes_anew", "codes")
    op.create_index(op.f("ix_codes_person_id"), "codes", ["person_id"], unique=False)
    op.create_index(op.f("ix_codes_selector"), "codes", ["selector"], unique=False)
