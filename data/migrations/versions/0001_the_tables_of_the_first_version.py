# ruff: noqa: E501
"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "sqlite": (
        "create trigger auditevent_no_update before update on auditevent begin select raise(abort, 'the audit is append-only'); end",
        "create trigger auditevent_no_delete before delete on auditevent begin select raise(abort, 'the audit is append-only'); end",
    ),
    "postgresql": (
        "create or replace function refuse_change() returns trigger language plpgsql as $$ begin raise exception 'the audit is append-only'; end $$",
        "create trigger auditevent_append_only before update or delete or truncate on auditevent for each statement execute function refuse_change()",
    ),
}


def upgrade() -> None:
    op.create_table(
        "auditevent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=True),
        sa.Column("alert", sa.String(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditevent")),
    )
    with op.batch_alter_table("auditevent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_auditevent_alert"), ["alert"], unique=False)
        batch_op.create_index(batch_op.f("ix_auditevent_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_auditevent_patient"), ["patient"], unique=False)
        batch_op.create_index(batch_op.f("ix_auditevent_what"), ["what"], unique=False)

    op.create_table(
        "button",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("outbox_key", sa.String(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("asks", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_button")),
    )
    with op.batch_alter_table("button", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_button_chat_id"), ["chat_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_button_outbox_key"), ["outbox_key"], unique=False)

    op.create_table(
        "chatturn",
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_chatturn")),
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("stand_in_id", sa.Integer(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    with op.batch_alter_table("erasure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erasure_done_at"), ["done_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_erasure_sender"), ["sender"], unique=False)

    op.create_table(
        "inboxupdate",
        sa.Column("update_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("screen_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("screened", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("update_id", name=op.f("pk_inboxupdate")),
    )
    with op.batch_alter_table("inboxupdate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inboxupdate_chat_id"), ["chat_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_inboxupdate_state"), ["state"], unique=False)

    op.create_table(
        "patient",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nation", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("check_in_at", sa.Time(), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activity_screen", sa.Text(), nullable=True),
        sa.Column("needs_activity_review", sa.Boolean(), nullable=False),
        sa.Column("asks", sa.String(), nullable=True),
        sa.Column("then", sa.String(), nullable=True),
        sa.Column("held_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_for", sa.String(), nullable=True),
        sa.Column("quiet_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_safety_screen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tracker_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
    )
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_patient_code"), ["code"], unique=True)
        batch_op.create_index(batch_op.f("ix_patient_next_safety_screen_at"), ["next_safety_screen_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_patient_sender"), ["sender"], unique=True)
        batch_op.create_index(batch_op.f("ix_patient_state"), ["state"], unique=False)

    op.create_table(
        "physio",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=True),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_physio")),
        sa.UniqueConstraint("chat_id", name=op.f("uq_physio_chat_id")),
    )
    op.create_table(
        "senderlease",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_senderlease")),
    )
    op.create_table(
        "activitygoal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("days", sa.String(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("start_minutes", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Integer(), nullable=False),
        sa.Column("importance", sa.Integer(), nullable=True),
        sa.Column("barrier", sa.Text(), nullable=False),
        sa.Column("if_then", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_activitygoal_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activitygoal")),
    )
    with op.batch_alter_table("activitygoal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_activitygoal_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "checkin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waits", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asks", sa.String(), nullable=True),
        sa.Column("pain", sa.Integer(), nullable=True),
        sa.Column("pain_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("noticed", sa.Text(), nullable=True),
        sa.Column("skipped", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("confidence between 0 and 10", name=op.f("ck_checkin_confidence_between_0_and_10")),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_checkin_minutes_0")),
        sa.CheckConstraint("pain between 0 and 10", name=op.f("ck_checkin_pain_between_0_and_10")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_checkin_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkin")),
        sa.UniqueConstraint("patient_id", "on", name=op.f("uq_checkin_patient_id_on")),
    )
    with op.batch_alter_table("checkin", schema=None) as batch_op:
        batch_op.create_index(
            "ix_checkin_live",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("state in ('planned', 'snoozed', 'sent')"),
            postgresql_where=sa.text("state in ('planned', 'snoozed', 'sent')"),
        )
        batch_op.create_index(
            "ix_checkin_one_planned",
            ["patient_id"],
            unique=True,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_index(batch_op.f("ix_checkin_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "consentevent",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_consentevent_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consentevent")),
    )
    with op.batch_alter_table("consentevent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consentevent_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "exploration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("belief", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("offered_on", sa.Date(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("fits", sa.Text(), nullable=False),
        sa.Column("unlike", sa.Text(), nullable=False),
        sa.Column("made_of_it", sa.Text(), nullable=False),
        sa.Column("heard_found", sa.Boolean(), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("disagreements", sa.Integer(), nullable=False),
        sa.CheckConstraint("confidence between 0 and 10", name=op.f("ck_exploration_confidence_between_0_and_10")),
        sa.CheckConstraint("strength between 0 and 10", name=op.f("ck_exploration_strength_between_0_and_10")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_exploration_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exploration")),
    )
    with op.batch_alter_table("exploration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exploration_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("physio_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_invitation_patient_id")),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_invitation_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_code_hash"), ["code_hash"], unique=True)

    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("screened", sa.Boolean(), nullable=False),
        sa.Column("intent", sa.String(), nullable=True),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("responses", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_message_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_message_key"), ["key"], unique=True)
        batch_op.create_index(batch_op.f("ix_message_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "oncallshift",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("physio_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_oncallshift_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oncallshift")),
    )
    with op.batch_alter_table("oncallshift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_oncallshift_physio_id"), ["physio_id"], unique=False)

    op.create_table(
        "patientchat",
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patientchat_patient_id")),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_patientchat")),
        sa.UniqueConstraint("patient_id", name=op.f("uq_patientchat_patient_id")),
    )
    op.create_table(
        "thoughtrecord",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("thought", sa.Text(), nullable=False),
        sa.Column("feeling", sa.Integer(), nullable=True),
        sa.Column("did", sa.Text(), nullable=False),
        sa.Column("facts_for", sa.Text(), nullable=False),
        sa.Column("facts_against", sa.Text(), nullable=False),
        sa.Column("to_a_friend", sa.Text(), nullable=False),
        sa.Column("fairer_thought", sa.Text(), nullable=False),
        sa.Column("to_try", sa.Text(), nullable=False),
        sa.Column("feeling_after", sa.Integer(), nullable=True),
        sa.CheckConstraint("feeling between 0 and 10", name=op.f("ck_thoughtrecord_feeling_between_0_and_10")),
        sa.CheckConstraint(
            "feeling_after between 0 and 10", name=op.f("ck_thoughtrecord_feeling_after_between_0_and_10")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_thoughtrecord_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thoughtrecord")),
    )
    with op.batch_alter_table("thoughtrecord", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_thoughtrecord_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_raised", sa.Integer(), nullable=False),
        sa.Column("last_raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unreachable_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Integer(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["physio.id"], name=op.f("fk_alert_acknowledged_by")),
        sa.ForeignKeyConstraint(["closed_by"], ["physio.id"], name=op.f("fk_alert_closed_by")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_alert_message_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_alert_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_cause"), ["cause"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_next_step_at"), ["next_step_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alert_reference"), ["reference"], unique=True)
        batch_op.create_index(batch_op.f("ix_alert_state"), ["state"], unique=False)
        batch_op.create_index(
            "one_alert_a_cause",
            ["patient_id", "cause"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "beliefflag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("belief", sa.String(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("strong", sa.Boolean(), nullable=False),
        sa.Column("blocks_plan", sa.Boolean(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_beliefflag_message_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_beliefflag_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beliefflag")),
    )
    with op.batch_alter_table("beliefflag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_beliefflag_belief"), ["belief"], unique=False)
        batch_op.create_index(batch_op.f("ix_beliefflag_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "experiment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("exploration_id", sa.Integer(), nullable=True),
        sa.Column("belief", sa.String(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("try_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asks", sa.String(), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual", sa.Integer(), nullable=True),
        sa.Column("tried_on", sa.Date(), nullable=True),
        sa.Column("next_morning", sa.Integer(), nullable=True),
        sa.Column("made_of_it", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("actual between 0 and 10", name=op.f("ck_experiment_actual_between_0_and_10")),
        sa.CheckConstraint("expected between 0 and 10", name=op.f("ck_experiment_expected_between_0_and_10")),
        sa.CheckConstraint("next_morning between 0 and 10", name=op.f("ck_experiment_next_morning_between_0_and_10")),
        sa.ForeignKeyConstraint(["exploration_id"], ["exploration.id"], name=op.f("fk_experiment_exploration_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_experiment_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
    )
    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_experiment_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "riskflag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("risk", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_riskflag_message_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_riskflag_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_riskflag")),
    )
    with op.batch_alter_table("riskflag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_riskflag_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_riskflag_risk"), ["risk"], unique=False)

    op.create_table(
        "safetyquestion",
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("question_set", sa.String(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("waiting", sa.JSON(), nullable=False),
        sa.Column("then", sa.String(), nullable=True),
        sa.Column("heard", sa.Boolean(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_safetyquestion_message_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_safetyquestion_patient_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_safetyquestion")),
    )
    with op.batch_alter_table("safetyquestion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_safetyquestion_due_at"), ["due_at"], unique=False)

    op.create_table(
        "beliefcorrection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("flag_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("belief", sa.String(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("physio_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["flag_id"], ["beliefflag.id"], name=op.f("fk_beliefcorrection_flag_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_beliefcorrection_patient_id")),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_beliefcorrection_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beliefcorrection")),
    )
    with op.batch_alter_table("beliefcorrection", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_beliefcorrection_flag_id"), ["flag_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_beliefcorrection_patient_id"), ["patient_id"], unique=False)

    op.create_table(
        "outboxmessage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("physio_id", sa.Integer(), nullable=True),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("check_in_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("buttons", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("edits", sa.Integer(), nullable=True),
        sa.Column("must_arrive", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("parts_sent", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("telegram_message_id", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_outboxmessage_alert_id")),
        sa.ForeignKeyConstraint(["check_in_id"], ["checkin.id"], name=op.f("fk_outboxmessage_check_in_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_outboxmessage_patient_id")),
        sa.ForeignKeyConstraint(["physio_id"], ["physio.id"], name=op.f("fk_outboxmessage_physio_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outboxmessage")),
    )
    with op.batch_alter_table("outboxmessage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outboxmessage_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outboxmessage_chat_id"), ["chat_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outboxmessage_check_in_id"), ["check_in_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outboxmessage_key"), ["key"], unique=True)
        batch_op.create_index(batch_op.f("ix_outboxmessage_not_before"), ["not_before"], unique=False)
        batch_op.create_index(batch_op.f("ix_outboxmessage_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outboxmessage_physio_id"), ["physio_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_outboxmessage_state"), ["state"], unique=False)
        batch_op.create_index("ix_outboxmessage_turn", ["state", "priority", "id"], unique=False)

    op.create_table(
        "safetyfollowup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("risk", sa.String(), nullable=False),
        sa.Column("responses", sa.String(), nullable=False),
        sa.Column("symptom", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("repeated_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_safetyfollowup_alert_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_safetyfollowup_patient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safetyfollowup")),
    )
    with op.batch_alter_table("safetyfollowup", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_safetyfollowup_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_safetyfollowup_patient_id"), ["patient_id"], unique=False)

    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("safetyfollowup", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_safetyfollowup_patient_id"))
        batch_op.drop_index(batch_op.f("ix_safetyfollowup_due_at"))

    op.drop_table("safetyfollowup")
    with op.batch_alter_table("outboxmessage", schema=None) as batch_op:
        batch_op.drop_index("ix_outboxmessage_turn")
        batch_op.drop_index(batch_op.f("ix_outboxmessage_state"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_physio_id"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_patient_id"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_not_before"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_key"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_check_in_id"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_chat_id"))
        batch_op.drop_index(batch_op.f("ix_outboxmessage_alert_id"))

    op.drop_table("outboxmessage")
    with op.batch_alter_table("beliefcorrection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_beliefcorrection_patient_id"))
        batch_op.drop_index(batch_op.f("ix_beliefcorrection_flag_id"))

    op.drop_table("beliefcorrection")
    with op.batch_alter_table("safetyquestion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_safetyquestion_due_at"))

    op.drop_table("safetyquestion")
    with op.batch_alter_table("riskflag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_riskflag_risk"))
        batch_op.drop_index(batch_op.f("ix_riskflag_patient_id"))

    op.drop_table("riskflag")
    with op.batch_alter_table("experiment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_experiment_patient_id"))

    op.drop_table("experiment")
    with op.batch_alter_table("beliefflag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_beliefflag_patient_id"))
        batch_op.drop_index(batch_op.f("ix_beliefflag_belief"))

    op.drop_table("beliefflag")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(
            "one_alert_a_cause",
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_alert_state"))
        batch_op.drop_index(batch_op.f("ix_alert_reference"))
        batch_op.drop_index(batch_op.f("ix_alert_patient_id"))
        batch_op.drop_index(batch_op.f("ix_alert_next_step_at"))
        batch_op.drop_index(batch_op.f("ix_alert_cause"))

    op.drop_table("alert")
    with op.batch_alter_table("thoughtrecord", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_thoughtrecord_patient_id"))

    op.drop_table("thoughtrecord")
    op.drop_table("patientchat")
    with op.batch_alter_table("oncallshift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_oncallshift_physio_id"))

    op.drop_table("oncallshift")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_patient_id"))
        batch_op.drop_index(batch_op.f("ix_message_key"))
        batch_op.drop_index(batch_op.f("ix_message_at"))

    op.drop_table("message")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_code_hash"))

    op.drop_table("invitation")
    with op.batch_alter_table("exploration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exploration_patient_id"))

    op.drop_table("exploration")
    with op.batch_alter_table("consentevent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consentevent_patient_id"))

    op.drop_table("consentevent")
    with op.batch_alter_table("checkin", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_checkin_patient_id"))
        batch_op.drop_index(
            "ix_checkin_one_planned",
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.drop_index(
            "ix_checkin_live",
            sqlite_where=sa.text("state in ('planned', 'snoozed', 'sent')"),
            postgresql_where=sa.text("state in ('planned', 'snoozed', 'sent')"),
        )

    op.drop_table("checkin")
    with op.batch_alter_table("activitygoal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_activitygoal_patient_id"))

    op.drop_table("activitygoal")
    op.drop_table("senderlease")
    op.drop_table("physio")
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_patient_state"))
        batch_op.drop_index(batch_op.f("ix_patient_sender"))
        batch_op.drop_index(batch_op.f("ix_patient_next_safety_screen_at"))
        batch_op.drop_index(batch_op.f("ix_patient_code"))

    op.drop_table("patient")
    with op.batch_alter_table("inboxupdate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inboxupdate_state"))
        batch_op.drop_index(batch_op.f("ix_inboxupdate_chat_id"))

    op.drop_table("inboxupdate")
    with op.batch_alter_table("erasure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_erasure_sender"))
        batch_op.drop_index(batch_op.f("ix_erasure_done_at"))

    op.drop_table("erasure")
    op.drop_table("chatturn")
    with op.batch_alter_table("button", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_button_outbox_key"))
        batch_op.drop_index(batch_op.f("ix_button_chat_id"))

    op.drop_table("button")
    with op.batch_alter_table("auditevent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_auditevent_what"))
        batch_op.drop_index(batch_op.f("ix_auditevent_patient"))
        batch_op.drop_index(batch_op.f("ix_auditevent_at"))
        batch_op.drop_index(batch_op.f("ix_auditevent_alert"))

    op.drop_table("auditevent")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function refuse_change()")
