"""A message to a channel: another route of the outbox."""

import sqlalchemy as sa
from alembic import op

from storage.columns import WHOLE, Sealed, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BEFORE = ("company_chat", "private_mail", "proof_mail", "alumni_chat", "staff")
SINCE = (*BEFORE, "channel")
PURPOSES = (
    "stay_in_touch", "events", "openings", "business", "research", "asking", "papers", "staff",
)  # fmt: skip
STATUSES = ("pending", "sending", "sent", "dead", "dropped")


def upgrade() -> None:
    _messages_go_by(SINCE)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM outbox WHERE route = 'channel'"))
    _messages_go_by(BEFORE)


def _messages_go_by(routes: tuple[str, ...]) -> None:
    """SQLite cannot change a check: there the table is made anew."""
    if op.get_context().dialect.name == "sqlite":
        _made_anew(routes)
        return
    op.drop_constraint(op.f("ck_outbox_route_known"), "outbox", type_="check")
    op.create_check_constraint(op.f("ck_outbox_route_known"), "outbox", _one_of("route", routes))


def _one_of(column: str, known: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(repr, known))})"


def _made_anew(routes: tuple[str, ...]) -> None:
    op.create_table(
        "outbox_anew",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("dedup", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("route", sa.String(length=32), nullable=False),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("leaver_id", WHOLE, nullable=True),
        sa.Column("staff_id", WHOLE, nullable=True),
        sa.Column("payload", Sealed(), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("next_try", sa.Double(), nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column("went_by", sa.String(length=16), nullable=False),
        sa.Column("remote", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("queued_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(_one_of("purpose", PURPOSES), name=op.f("ck_outbox_purpose_known")),
        sa.CheckConstraint(_one_of("route", routes), name=op.f("ck_outbox_route_known")),
        sa.CheckConstraint(_one_of("status", STATUSES), name=op.f("ck_outbox_status_known")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_outbox_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedup", name=op.f("uq_outbox_dedup")),
        sa.UniqueConstraint("delivery", name=op.f("uq_outbox_delivery")),
    )
    op.execute("INSERT INTO outbox_anew SELECT * FROM outbox")
    op.drop_table("outbox")
    op.rename_table("outbox_anew", "outbox")
    op.create_index(op.f("ix_outbox_leaver_id"), "outbox", ["leaver_id"], unique=False)
    op.create_index(op.f("ix_outbox_person_id"), "outbox", ["person_id"], unique=False)
    op.create_index(op.f("ix_outbox_status_next_try"), "outbox", ["status", "next_try"], unique=False)
