"""Add modules, keepsakes, timers and flares."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flare",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_how", sa.String(), nullable=True),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_on", sa.Date(), nullable=True),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("said_on", sa.Date(), nullable=True),
        sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("helped", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_flare_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flare")),
    )
    with op.batch_alter_table("flare", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_flare_ask_at"), ["ask_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_flare_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "keepsake",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_keepsake_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keepsake")),
    )
    with op.batch_alter_table("keepsake", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_keepsake_deleted_at"), ["deleted_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_keepsake_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "modulerun",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("offered_on", sa.Date(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_modulerun_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modulerun")),
    )
    with op.batch_alter_table("modulerun", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_modulerun_asked_at"), ["asked_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_modulerun_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "timer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("exercise", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_key", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_timer_patient_id")),
        sa.ForeignKeyConstraint(["run_id"], ["modulerun.id"], name=op.f("fk_timer_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timer")),
    )
    with op.batch_alter_table("timer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timer_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_timer_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_timer_state"), ["state"], unique=False)

    with op.batch_alter_table("thoughtrecord", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_thoughtrecord_deleted_at"), ["deleted_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("thoughtrecord", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_thoughtrecord_deleted_at"))
        batch_op.drop_column("deleted_at")

    with op.batch_alter_table("timer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_timer_state"))
        batch_op.drop_index(batch_op.f("ix_timer_patient_id"))
        batch_op.drop_index(batch_op.f("ix_timer_due_at"))

    op.drop_table("timer")
    with op.batch_alter_table("modulerun", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_modulerun_patient_id"))
        batch_op.drop_index(batch_op.f("ix_modulerun_asked_at"))

    op.drop_table("modulerun")
    with op.batch_alter_table("keepsake", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_keepsake_patient_id"))
        batch_op.drop_index(batch_op.f("ix_keepsake_deleted_at"))

    op.drop_table("keepsake")
    with op.batch_alter_table("flare", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_flare_patient_id"))
        batch_op.drop_index(batch_op.f("ix_flare_ask_at"))

    op.drop_table("flare")
