"""Comeback openings, interest in them, referrals, and what people wish for."""

import sqlalchemy as sa
from alembic import op

from storage.columns import WHOLE, Sealed, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "openings",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("owner", sa.String(length=254), nullable=False),
        sa.Column("owner_name", sa.String(length=200), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("deputy", sa.String(length=254), nullable=False),
        sa.Column("deputy_name", sa.String(length=200), nullable=False),
        sa.Column("department", sa.String(length=200), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column(
            "remote",
            sa.Enum(
                "no",
                "partly",
                "fully",
                name="remote_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "employment",
            sa.Enum(
                "regular",
                "contract",
                "part_time",
                "freelance",
                "side_job",
                "other",
                name="employment_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("about", sa.String(length=3000), nullable=False),
        sa.Column("grade", sa.String(length=300), nullable=False),
        sa.Column("service_years", sa.String(length=300), nullable=False),
        sa.Column("retirement_pay", sa.String(length=300), nullable=False),
        sa.Column("paid_leave", sa.String(length=300), nullable=False),
        sa.Column("probation", sa.String(length=300), nullable=False),
        sa.Column("for_departments", sa.String(length=200), nullable=False),
        sa.Column("for_skills", sa.String(length=200), nullable=False),
        sa.Column("for_places", sa.String(length=200), nullable=False),
        sa.Column("for_years", WHOLE, nullable=True),
        sa.Column("referable", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "proposed",
                "open",
                "closed",
                name="phase_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("approved_by", sa.String(length=120), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("warned_for", sa.Date(), nullable=True),
        sa.Column("matched_upto", sa.String(length=40), nullable=False),
        sa.Column("edition", WHOLE, nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openings")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_openings_state_closes_on", "openings", ["state", "closes_on"], unique=False)
    op.create_table(
        "interests",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("opening_id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("tells_at", UtcDateTime(), nullable=False),
        sa.Column("readers", sa.JSON(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column(
            "step",
            sa.Enum(
                "waiting",
                "contacted",
                "talk",
                "closed",
                name="step_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("answer_by", sa.Date(), nullable=True),
        sa.Column("stepped_at", UtcDateTime(), nullable=True),
        sa.Column("stepped_by", sa.String(length=254), nullable=False),
        sa.Column("late_at", UtcDateTime(), nullable=True),
        sa.Column("note", Sealed(), nullable=True),
        sa.ForeignKeyConstraint(["opening_id"], ["openings.id"], name=op.f("fk_interests_opening_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_interests_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interests")),
        sa.UniqueConstraint("opening_id", "person_id", name=op.f("uq_interests_opening_id_person_id")),
    )
    op.create_index(op.f("ix_interests_answer_by"), "interests", ["answer_by"], unique=False)
    op.create_index(op.f("ix_interests_person_id"), "interests", ["person_id"], unique=False)
    op.create_index("ix_interests_told_at", "interests", ["told_at", "tells_at"], unique=False)
    op.create_table(
        "postings",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("opening_id", WHOLE, nullable=False),
        sa.Column("channel", sa.String(length=120), nullable=False),
        sa.Column("edition", WHOLE, nullable=False),
        sa.Column("dedup", sa.String(length=120), nullable=False),
        sa.Column("remote", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["opening_id"], ["openings.id"], name=op.f("fk_postings_opening_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
        sa.UniqueConstraint("opening_id", "channel", name=op.f("uq_postings_opening_id_channel")),
    )
    op.create_table(
        "referrals",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("opening_id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("referrer_id", sa.String(length=40), nullable=True),
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column(
            "stand",
            sa.Enum(
                "asked",
                "agreed",
                "over",
                name="stand_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("why", Sealed(), nullable=True),
        sa.Column("agreed_at", UtcDateTime(), nullable=True),
        sa.Column("thanked_at", UtcDateTime(), nullable=True),
        sa.Column(
            "step",
            sa.Enum(
                "waiting",
                "contacted",
                "talk",
                "closed",
                name="step_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("answer_by", sa.Date(), nullable=True),
        sa.Column("stepped_at", UtcDateTime(), nullable=True),
        sa.Column("stepped_by", sa.String(length=254), nullable=False),
        sa.Column("late_at", UtcDateTime(), nullable=True),
        sa.Column("note", Sealed(), nullable=True),
        sa.ForeignKeyConstraint(["opening_id"], ["openings.id"], name=op.f("fk_referrals_opening_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_referrals_person_id")),
        sa.ForeignKeyConstraint(["referrer_id"], ["people.id"], name=op.f("fk_referrals_referrer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_referrals_answer_by"), "referrals", ["answer_by"], unique=False)
    op.create_index(op.f("ix_referrals_expires_at"), "referrals", ["expires_at"], unique=False)
    op.create_index(op.f("ix_referrals_mark"), "referrals", ["mark"], unique=False)
    op.create_index(op.f("ix_referrals_opening_id"), "referrals", ["opening_id"], unique=False)
    op.create_index(op.f("ix_referrals_person_id"), "referrals", ["person_id"], unique=False)
    op.create_index("ix_referrals_referrer_made_at", "referrals", ["referrer_id", "made_at"], unique=False)
    op.create_table(
        "wishes",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("keywords", sa.String(length=200), nullable=False),
        sa.Column("places", sa.String(length=200), nullable=False),
        sa.Column("employments", sa.JSON(), nullable=False),
        sa.Column("remote", sa.Boolean(), nullable=False),
        sa.Column("tell", sa.Boolean(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_wishes_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_wishes")),
    )


def downgrade() -> None:
    for table in ("wishes", "referrals", "postings", "interests", "openings"):
        op.drop_table(table)
