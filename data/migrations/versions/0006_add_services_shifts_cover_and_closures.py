"""Add services, shifts, cover and closures."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MADE = (
    "insert into service (name, nation, time_zone, hours, is_synthetic) values "
    '(\'Service\', \'england\', \'Europe/London\', \'{"mon": ["09:00-17:00"], "tue": ["09:00-17:00"], '
    '"wed": ["09:00-17:00"], "thu": ["09:00-17:00"], "fri": ["09:00-17:00"]}\', false)'
)
FILLED = {
    "invitation": ("service_id",), "outboxmessage": ("channel",), "patient": ("service_id",),
    "physio": ("service_id", "is_named_lead"),
}  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "service",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("nation", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("name", name=op.f("uq_service_name")),
    )
    op.execute(MADE)
    op.create_table(
        "closure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_closure_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
    )
    with op.batch_alter_table("closure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_closure_service_id"), ["service_id"], unique=False)

    op.create_table(
        "cover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("physio_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["physio.id"], name=op.f("fk_cover_by_id")),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_cover_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover")),
    )
    with op.batch_alter_table("cover", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cover_physio_id"), ["physio_id"], unique=False)

    op.create_table(
        "shift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("physio_id", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.Time(), nullable=False),
        sa.Column("ends_at", sa.Time(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_shift_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shift_physio_id"), ["physio_id"], unique=False)

    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("service_id", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_foreign_key(batch_op.f("fk_invitation_service_id"), "service", ["service_id"], ["id"])

    with op.batch_alter_table("outboxmessage", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(), nullable=False, server_default="telegram"))

    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("service_id", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_index(batch_op.f("ix_patient_service_id"), ["service_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_patient_service_id"), "service", ["service_id"], ["id"])

    with op.batch_alter_table("physio", schema=None) as batch_op:
        batch_op.add_column(sa.Column("service_id", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("is_named_lead", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("email", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("email_failed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("console_seen_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_physio_service_id"), ["service_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_physio_service_id"), "service", ["service_id"], ["id"])

    for table, columns in FILLED.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("physio", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_physio_service_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_physio_service_id"))
        batch_op.drop_column("console_seen_at")
        batch_op.drop_column("email_failed_at")
        batch_op.drop_column("email")
        batch_op.drop_column("is_named_lead")
        batch_op.drop_column("service_id")

    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_patient_service_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_patient_service_id"))
        batch_op.drop_column("service_id")

    with op.batch_alter_table("outboxmessage", schema=None) as batch_op:
        batch_op.drop_column("channel")

    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_invitation_service_id"), type_="foreignkey")
        batch_op.drop_column("service_id")

    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shift_physio_id"))

    op.drop_table("shift")
    with op.batch_alter_table("cover", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cover_physio_id"))

    op.drop_table("cover")
    with op.batch_alter_table("closure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_closure_service_id"))

    op.drop_table("closure")
    op.drop_table("service")
