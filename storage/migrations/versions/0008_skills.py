"""What people can do."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("skills", sa.String(length=200), server_default="", nullable=False))
    op.create_table(
        "skills",
        sa.Column("person_id", sa.String(length=40), nullable=False),
        sa.Column("word", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_skills_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "word", name=op.f("pk_skills")),
    )
    op.create_index(op.f("ix_skills_word_person_id"), "skills", ["word", "person_id"])


def downgrade() -> None:
    op.drop_table("skills")
    op.drop_column("people", "skills")
