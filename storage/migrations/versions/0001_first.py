"""The first schema: people, leavers, consents, accounts, the outbox and everything around them."""

import sqlalchemy as sa
from alembic import op

from storage.columns import WHOLE, Sealed, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_files",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.Column("rows", WHOLE, nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("sealed", Sealed(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_files")),
    )
    with op.batch_alter_table("feed_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feed_files_digest"), ["digest"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("workspace", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=120), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("payload", Sealed(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("tries", WHOLE, nullable=False),
        sa.Column("next_try", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "workspace", "event_id", name=op.f("pk_inbox")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_done_at", ["done_at"], unique=False)

    op.create_table(
        "journal",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index("ix_journal_subject", ["subject", "id"], unique=False)

    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("ended_well", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "pace",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pace")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kana", sa.String(length=200), nullable=False),
        sa.Column("romaji", sa.String(length=200), nullable=False),
        sa.Column("former_name", sa.String(length=200), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("employer", sa.String(length=200), nullable=False),
        sa.Column("position", sa.String(length=200), nullable=False),
        sa.Column("department", sa.String(length=200), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(length=1000), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("mail_only", sa.Boolean(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("member_from", UtcDateTime(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("private_email", Sealed(), nullable=True),
        sa.Column("private_email_blind", sa.LargeBinary(length=16), nullable=True),
        sa.Column("private_email_proven_at", UtcDateTime(), nullable=True),
        sa.Column("unreachable", sa.String(length=64), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
    )
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_member_from"), ["member_from"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_people_private_email_blind"), ["private_email_blind"], unique=False
        )

    op.create_table(
        "staff",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "owner",
                "hr",
                "recruiter",
                "manager",
                "supporter",
                "alumnus",
                "leaver",
                "employee",
                name="role_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
    )
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_address"), ["address"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_email"), ["email"], unique=False)

    op.create_table(
        "suppressions",
        sa.Column("mark", sa.LargeBinary(length=32), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_suppressions")),
    )
    op.create_table(
        "accounts",
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column(
            "side",
            sa.Enum(
                "company", "alumni", name="side_known", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column(
            "standing",
            sa.Enum(
                "member",
                "guest",
                "stranger",
                name="standing_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("tied_by", sa.String(length=16), nullable=False),
        sa.Column("tied_at", UtcDateTime(), nullable=True),
        sa.Column("untied_at", UtcDateTime(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("wrong_codes", WHOLE, nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_accounts_person_id")),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_accounts")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_looked_at"), ["looked_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_accounts_person_id"), ["person_id"], unique=False)

    op.create_table(
        "checkins",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "asked",
                "nudged",
                "answered",
                "resting",
                "stopped",
                name="state_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("version", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_checkins_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkins")),
        sa.UniqueConstraint("person_id", "number", name=op.f("uq_checkins_person_id_number")),
    )
    with op.batch_alter_table("checkins", schema=None) as batch_op:
        batch_op.create_index("ix_checkins_state_due_at", ["state", "due_at"], unique=False)

    op.create_table(
        "codes",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column(
            "use",
            sa.Enum("prove", "join", name="use_known", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("selector", sa.String(length=8), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("about", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("wrong", WHOLE, nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_codes_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codes")),
    )
    with op.batch_alter_table("codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_codes_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_codes_selector"), ["selector"], unique=False)

    op.create_table(
        "consents",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "stay_in_touch",
                "events",
                "openings",
                "business",
                "research",
                "asking",
                "papers",
                "staff",
                name="purpose_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "decision",
            sa.Enum(
                "given",
                "later",
                "refused",
                "withdrawn",
                name="decision_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("wording", sa.String(length=32), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_consents_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index("ix_consents_person_purpose", ["person_id", "purpose", "id"], unique=False)

    op.create_table(
        "leavers",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("entity", sa.String(length=64), nullable=False),
        sa.Column("employee_number", sa.String(length=64), nullable=False),
        sa.Column("stint", WHOLE, nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("notice", sa.String(length=64), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("leaving_type", sa.String(length=32), nullable=False),
        sa.Column("last_working_day", sa.Date(), nullable=True),
        sa.Column("hired_on", sa.Date(), nullable=True),
        sa.Column("department", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("manager", sa.String(length=200), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("company_email", sa.String(length=254), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "announced",
                "held",
                "asked",
                "consented",
                "later",
                "declined",
                "unanswered",
                "enrolled",
                "joined",
                "withdrawn",
                "struck",
                "returned",
                "left",
                "deceased",
                name="stage_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("held_because", sa.String(length=32), nullable=False),
        sa.Column("held_at_stage", sa.String(length=32), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column("stuck", sa.String(length=64), nullable=False),
        sa.Column("stuck_told", sa.String(length=64), nullable=False),
        sa.Column("invited", WHOLE, nullable=False),
        sa.Column("invited_at", UtcDateTime(), nullable=True),
        sa.Column("asks", WHOLE, nullable=False),
        sa.Column("ask_at", UtcDateTime(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("ask_again_at", UtcDateTime(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("enrol_at", UtcDateTime(), nullable=True),
        sa.Column("member_from", UtcDateTime(), nullable=True),
        sa.Column("enrolled_at", UtcDateTime(), nullable=True),
        sa.Column("later_at", UtcDateTime(), nullable=True),
        sa.Column("erase_at", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("remind_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("version", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_leavers_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leavers")),
        sa.UniqueConstraint(
            "entity", "employee_number", "stint", name=op.f("uq_leavers_entity_employee_number_stint")
        ),
    )
    with op.batch_alter_table("leavers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leavers_erase_at"), ["erase_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_leavers_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_leavers_stage_ask_at", ["stage", "ask_at"], unique=False)
        batch_op.create_index("ix_leavers_stage_enrol_at", ["stage", "enrol_at"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("dedup", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "stay_in_touch",
                "events",
                "openings",
                "business",
                "research",
                "asking",
                "papers",
                "staff",
                name="purpose_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "route",
            sa.Enum(
                "company_chat",
                "private_mail",
                "proof_mail",
                "alumni_chat",
                "staff",
                name="route_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=True),
        sa.Column("leaver_id", WHOLE, nullable=True),
        sa.Column("staff_id", WHOLE, nullable=True),
        sa.Column("payload", Sealed(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "sending",
                "sent",
                "dead",
                "dropped",
                name="status_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("next_try", sa.Double(), nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column("went_by", sa.String(length=16), nullable=False),
        sa.Column("remote", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("queued_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_outbox_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedup", name=op.f("uq_outbox_dedup")),
        sa.UniqueConstraint("delivery", name=op.f("uq_outbox_delivery")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_leaver_id"), ["leaver_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outbox_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_outbox_status_next_try", ["status", "next_try"], unique=False)

    op.create_table(
        "person_keys",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_person_keys_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_keys")),
    )
    op.create_table(
        "search_docs",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column(
            "audience",
            sa.Enum(
                "alumni",
                "hr",
                "self",
                name="audience_known",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("reading", sa.String(length=200), nullable=False),
        sa.Column("opens_at", UtcDateTime(), nullable=True),
        sa.Column("rests_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_search_docs_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_docs")),
        sa.UniqueConstraint("person_id", "audience", name=op.f("uq_search_docs_person_id_audience")),
    )

    if op.get_context().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE search_fts USING fts5(terms, content='search_docs', content_rowid='id', "
            "detail='none', columnsize=0, tokenize=\"unicode61 remove_diacritics 0\")"
        )
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER consents_no_{verb.lower()} BEFORE {verb} ON consents "
                "BEGIN SELECT RAISE(ABORT, 'consents are only ever added'); END"
            )
    else:
        op.execute(
            "CREATE INDEX ix_search_docs_terms ON search_docs "
            "USING gin (array_to_tsvector(string_to_array(terms, ' '))) WITH (fastupdate = off)"
        )
        op.execute(
            "CREATE FUNCTION consents_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
            "'consents are only ever added' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        op.execute(
            "CREATE TRIGGER consents_stay BEFORE UPDATE OR DELETE ON consents "
            "FOR EACH ROW EXECUTE FUNCTION consents_stay()"
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE search_fts")
    op.drop_table("search_docs")
    op.drop_table("person_keys")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_status_next_try")
        batch_op.drop_index(batch_op.f("ix_outbox_person_id"))
        batch_op.drop_index(batch_op.f("ix_outbox_leaver_id"))

    op.drop_table("outbox")
    with op.batch_alter_table("leavers", schema=None) as batch_op:
        batch_op.drop_index("ix_leavers_stage_enrol_at")
        batch_op.drop_index("ix_leavers_stage_ask_at")
        batch_op.drop_index(batch_op.f("ix_leavers_person_id"))
        batch_op.drop_index(batch_op.f("ix_leavers_erase_at"))

    op.drop_table("leavers")
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_person_purpose")

    op.drop_table("consents")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION consents_stay()")
    with op.batch_alter_table("codes", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_codes_selector"))
        batch_op.drop_index(batch_op.f("ix_codes_person_id"))

    op.drop_table("codes")
    with op.batch_alter_table("checkins", schema=None) as batch_op:
        batch_op.drop_index("ix_checkins_state_due_at")

    op.drop_table("checkins")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accounts_person_id"))
        batch_op.drop_index(batch_op.f("ix_accounts_looked_at"))

    op.drop_table("accounts")
    op.drop_table("suppressions")
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_email"))
        batch_op.drop_index(batch_op.f("ix_staff_address"))

    op.drop_table("staff")
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_people_private_email_blind"))
        batch_op.drop_index(batch_op.f("ix_people_member_from"))

    op.drop_table("people")
    op.drop_table("pace")
    op.drop_table("leases")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index("ix_journal_subject")

    op.drop_table("journal")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_done_at")

    op.drop_table("inbox")
    with op.batch_alter_table("feed_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feed_files_digest"))

    op.drop_table("feed_files")
