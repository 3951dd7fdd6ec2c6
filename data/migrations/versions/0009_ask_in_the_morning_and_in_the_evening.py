"""Ask in the morning and in the evening, and look at how days go together."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "linklook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("asks", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("impression", sa.Text(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("meaning", sa.Text(), nullable=True),
        sa.Column("quote_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_linklook_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linklook")),
        sa.UniqueConstraint("patient_id", "day", name=op.f("uq_linklook_patient_id_day")),
    )
    with op.batch_alter_table("linklook", schema=None) as batch_op:
        batch_op.create_index(
            "ix_linklook_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'planned' or quote_at is not null"),
            postgresql_where=sa.text("state = 'planned' or quote_at is not null"),
        )
        batch_op.create_index(batch_op.f("ix_linklook_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "linkquestion",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("guess", sa.String(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_linkquestion_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_linkquestion")),
    )
    with op.batch_alter_table("checkin", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="daily"))
        batch_op.add_column(sa.Column("flag", sa.String(), nullable=False, server_default=""))
        batch_op.drop_constraint(batch_op.f("uq_checkin_patient_id_on"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_checkin_one_planned"), sqlite_where=sa.text("state = 'planned'"))
        batch_op.create_index(
            "ix_checkin_one_planned",
            ["patient_id", "kind"],
            unique=True,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_unique_constraint(batch_op.f("uq_checkin_patient_id_on_kind"), ["patient_id", "on", "kind"])

    with op.batch_alter_table("checkin", schema=None) as batch_op:  # the defaults were for the rows that were there
        batch_op.alter_column("kind", server_default=None)
        batch_op.alter_column("flag", server_default=None)

    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("morning_at", sa.Time(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_column("morning_at")

    with op.batch_alter_table("checkin", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_checkin_patient_id_on_kind"), type_="unique")
        batch_op.drop_index(
            "ix_checkin_one_planned",
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_index(
            batch_op.f("ix_checkin_one_planned"),
            ["patient_id"],
            unique=True,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_unique_constraint(batch_op.f("uq_checkin_patient_id_on"), ["patient_id", "on"])
        batch_op.drop_column("flag")
        batch_op.drop_column("kind")

    op.drop_table("linkquestion")
    with op.batch_alter_table("linklook", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_linklook_patient_id"))
        batch_op.drop_index(
            "ix_linklook_due",
            sqlite_where=sa.text("state = 'planned' or quote_at is not null"),
            postgresql_where=sa.text("state = 'planned' or quote_at is not null"),
        )

    op.drop_table("linklook")
