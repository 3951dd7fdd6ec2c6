"""Let staff sign in to the console, take notes, and see which content was said."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("physio_id", sa.Integer(), nullable=True),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("code_secret", sa.Text(), nullable=False),
        sa.Column("last_code_step", sa.Integer(), nullable=False),
        sa.Column("link_hash", sa.String(), nullable=True),
        sa.Column("link_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_account_physio_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_account_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_account_link_hash")),
        sa.UniqueConstraint("physio_id", name=op.f("uq_account_physio_id")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_name"), ["name"], unique=True)
        batch_op.create_index(batch_op.f("ix_account_service_id"), ["service_id"], unique=False)

    op.create_table(
        "consolesession",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_consolesession_account_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_consolesession")),
    )
    with op.batch_alter_table("consolesession", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consolesession_account_id"), ["account_id"], unique=False)

    op.create_table(
        "casenote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("physio_id", sa.Integer(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_casenote_alert_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_casenote_patient_id")),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_casenote_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_casenote")),
    )
    with op.batch_alter_table("casenote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_casenote_patient_id"), ["patient_id"], unique=False)

    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.add_column(sa.Column("content", sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.alter_column("content", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_column("content")

    with op.batch_alter_table("casenote", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_casenote_patient_id"))

    op.drop_table("casenote")
    with op.batch_alter_table("consolesession", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consolesession_account_id"))

    op.drop_table("consolesession")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_service_id"))
        batch_op.drop_index(batch_op.f("ix_account_name"))

    op.drop_table("account")
