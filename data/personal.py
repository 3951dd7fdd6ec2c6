"""What every column of every table says about a person, and what becomes of it on export and erasure.

Export and erasure are driven by this list, so it can't say one thing while they do another; a column that is not
listed fails tests/unit/test_data_personal.py. docs/privacy.md says the same in words.
"""

from dataclasses import dataclass
from enum import StrEnum


class Erased(StrEnum):
    """What an erasure does with a patient's rows of a table."""

    DELETED = "deleted"
    DETACHED = "kept, and its link to the person is cut"
    EXPIRES = "deleted when its time is over, in days"
    KEPT = "kept: it holds codes, never words or chats"
    STAFF = "not about patients"


@dataclass(frozen=True)
class Column:
    """`exported` is the key under which a patient reads it in their export; None when it isn't in there."""

    personal: bool
    exported: str | None = None
    why: str = ""  # a personal column that isn't exported has a reason


@dataclass(frozen=True)
class Table:
    """`section` of the export; `owner` is the column that leads to the patient."""

    erased: Erased
    columns: dict[str, Column]
    owner: str = "patient_id"
    section: str | None = None


PLAIN = Column(personal=False)


def plain(names: str) -> dict[str, Column]:
    return dict.fromkeys(names.split(), PLAIN)


def exported(**keys: str) -> dict[str, Column]:
    return {name: Column(personal=True, exported=key) for name, key in keys.items()}


def same(names: str) -> dict[str, Column]:
    """Exported under its own name."""
    return exported(**{name: name for name in names.split()})


def internal(why: str, names: str) -> dict[str, Column]:
    """Personal, but no use to the patient, or somebody else's."""
    return {name: Column(personal=True, why=why) for name in names.split()}


LINK = "leads to the row, says nothing more"
COPY = "a copy on its way of what stands in `messages`"
COLLEAGUE = "about a member of staff"

TABLES: dict[str, Table] = {
    "patient": Table(
        Erased.DELETED,
        owner="id",
        section="you",
        columns=plain("id service_id")
        | same("code state nation time_zone activity_screen paused_until")
        | exported(
            created_at="first_contact_at",
            enrolled_at="joined_at",
            check_in_at="check_in_time",
            morning_at="morning_question_time",
            needs_activity_review="activity_review_needed",
            quiet_until="coach_quiet_until",
            next_safety_screen_at="next_safety_questions_at",
        )
        | internal(
            "a random name that only Rasa knows, and the state of the talk of the moment",
            "sender asks then tracker_since",
        )
        | internal("stands under `alerts`", "held_since held_for"),
    ),
    "patientchat": Table(
        Erased.DELETED,
        section="telegram",
        columns=same("chat_id") | exported(blocked_at="coach_blocked_at") | internal(LINK, "patient_id"),
    ),
    "consentevent": Table(
        Erased.DELETED,
        section="consents",
        columns=plain("id") | same("version given at") | internal(LINK, "patient_id"),
    ),
    "invitation": Table(
        Erased.DETACHED,
        section="invitation",
        columns=plain("id physio_id service_id created_at expires_at")
        | same("redeemed_at")
        | internal(LINK, "patient_id")
        | internal("the scrambled form of a code that has been used up", "code_hash"),
    ),
    "message": Table(
        Erased.DELETED,
        section="messages",
        columns=plain("id key screened responses content")
        | same("kind text at")
        | exported(direction="who", intent="understood_as", scores="heard_with_certainty")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id"),
    ),
    "beliefflag": Table(
        Erased.DELETED,
        section="thoughts_heard",
        columns=plain("id message_id model")
        | exported(belief="class", confidence="certainty", on="day", held="you_say_it_is_your_view")
        | same("at strong blocks_plan")
        | internal(LINK, "patient_id"),
    ),
    "beliefcorrection": Table(
        Erased.DELETED,
        section="thoughts_corrected",
        columns=plain("id flag_id")
        | exported(belief="class")
        | same("words at")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id"),
    ),
    "exploration": Table(
        Erased.DELETED,
        section="thoughts_explored",
        columns=plain("id reason disagreements")
        | exported(belief="class", offered_on="day", strength="how_true_it_feels")
        | same("state offered_at ended_at view fits unlike made_of_it heard_found confidence")
        | internal(LINK, "patient_id"),
    ),
    "experiment": Table(
        Erased.DELETED,
        section="experiments",
        columns=plain("id exploration_id asks asked asked_at")
        | exported(belief="class")
        | same("what expected agreed_at try_on state actual tried_on next_morning made_of_it ended_at")
        | internal(LINK, "patient_id"),
    ),
    "thoughtrecord": Table(
        Erased.DELETED,
        section="thought_records",
        columns=plain("id")
        | same(
            "at situation thought feeling did facts_for facts_against to_a_friend fairer_thought to_try feeling_after"
            " deleted_at"
        )
        | internal(LINK, "patient_id"),
    ),
    "modulerun": Table(
        Erased.DELETED,
        section="skills_practised",
        columns=plain("id reason asked_at offered_on")
        | same("module state step answers started_at ended_at")
        | internal("the steps behind the open one", "path")
        | internal(LINK, "patient_id"),
    ),
    "keepsake": Table(
        Erased.DELETED,
        section="cards",
        columns=plain("id place") | same("module title words at deleted_at") | internal(LINK, "patient_id"),
    ),
    "timer": Table(
        Erased.DELETED,
        section="timers",
        columns=plain("id run_id step due_at")
        | same("exercise way seconds state started_at ended_at")
        | internal(LINK, "patient_id message_key"),
    ),
    "flare": Table(
        Erased.DELETED,
        section="flares",
        columns=plain("id ask_at asked_on alerted_at")
        | same("started_at started_on ended_at ended_on ended_how said said_on helped")
        | internal(LINK, "patient_id"),
    ),
    "riskflag": Table(
        Erased.DELETED,
        section="warning_signs_heard",
        columns=plain("id message_id layer")
        | exported(risk="class", severity="severity", action="action", at="at")
        | internal(LINK, "patient_id"),
    ),
    "atrisklook": Table(
        Erased.DELETED,
        columns=plain("id source due_at") | internal(LINK, "patient_id"),
    ),
    "atriskfinding": Table(
        Erased.DELETED,
        section="at_risk",
        columns=plain("id alert_id")
        | exported(on="day", newest_on="newest_figure_of", level="urgency", evidence="figures")
        | same("rule version at")
        | internal(LINK, "patient_id"),
    ),
    "atriskprompt": Table(
        Erased.DELETED,
        section="weekly_questions",
        columns=plain("id cause due_at asks rule")
        | exported(name="about", on="day")
        | same("state sent_at answer detail ended_at")
        | internal("stands in `messages`, in the words it was put in", "values")
        | internal(LINK, "patient_id"),
    ),
    "safetyquestion": Table(
        Erased.DELETED,
        section="safety_questions_open",
        columns=plain("misses message_id due_at then heard")
        | same("question_set answers asked_at")
        | internal("questions that come next", "waiting")
        | internal(LINK, "patient_id"),
    ),
    "safetyfollowup": Table(
        Erased.DELETED,
        section="safety_advice_followed_up",
        columns=plain("id alert_id due_at responses")
        | exported(risk="class", symptom="about")
        | same("answered_at answer repeated_at")
        | internal(LINK, "patient_id"),
    ),
    "activitygoal": Table(
        Erased.DELETED,
        section="goals",
        columns=plain("id")
        | same("state activity place days at minutes confidence importance barrier if_then created_at ended_at")
        | exported(start_minutes="minutes_at_the_start")
        | internal(LINK, "patient_id"),
    ),
    "activityentry": Table(
        Erased.DELETED,
        section="activity",
        columns=plain("id check_in_id message_id")
        | exported(on="day", source="told_in", undone_at="taken_back_at")
        | same("minutes activity planned words told_at")
        | internal(LINK, "patient_id"),
    ),
    "activityplan": Table(
        Erased.DELETED,
        section="plans",
        columns=plain("id goal_id")
        | exported(key="kind", baseline="minutes_at_the_start", minutes="minutes_a_session", from_on="from_day")
        | same("state activity sessions created_at ended_at")
        | internal(LINK, "patient_id"),
    ),
    "weekreview": Table(
        Erased.DELETED,
        section="weeks",
        columns=plain("id plan_id")
        | exported(
            planned="sessions_planned",
            done="sessions_done",
            function="back_in_the_way",
            reason="what_got_in_the_way",
            choice="you_decided",
            undone_at="taken_back_at",
        )
        | same("week pain_rise suggested minutes_before minutes_after at")
        | internal(LINK, "patient_id"),
    ),
    "expectationrating": Table(
        Erased.DELETED,
        section="expectations",
        columns=plain("id") | same("week rating at") | internal(LINK, "patient_id"),
    ),
    "ownwords": Table(
        Erased.DELETED,
        section="your_words",
        columns=plain("id") | same("kind words about week at") | internal(LINK, "patient_id"),
    ),
    "bodylimit": Table(
        Erased.DELETED,
        section="limits",
        columns=plain("id") | same("kind activity at ended_at") | internal(LINK, "patient_id"),
    ),
    "talk": Table(
        Erased.DELETED,
        section="talks",
        columns=plain("id due_at asks sends asked_at")
        | same("kind week state answers sent_at ended_at")
        | internal(LINK, "patient_id"),
    ),
    "checkin": Table(
        Erased.DELETED,
        section="check_ins",
        columns=plain("id sends waits asks reason planned_at due_at reminded_at")
        | same("kind state sent_at pain pain_at minutes confidence noticed skipped flag ended_at")
        | exported(on="day")
        | internal(LINK, "patient_id"),
    ),
    "sitting": Table(
        Erased.DELETED,
        section="questionnaires",
        columns=plain("id offers offered_at asks asked_at until_on")
        | same("state measure occasion answers skipped score subscales")
        | exported(due_on="day", opened_at="begun_at", ended_at="ended_at")
        | internal(LINK, "patient_id"),
    ),
    "measureround": Table(
        Erased.DELETED,
        section="questionnaire_schedule",
        columns=plain("wished") | exported(due_at="next_look_at") | internal(LINK, "patient_id"),
    ),
    "linkquestion": Table(
        Erased.DELETED,
        section="what_you_guessed_about_activity",
        columns=same("guess declared_at") | internal(LINK, "patient_id"),
    ),
    "linklook": Table(
        Erased.DELETED,
        section="looks_at_your_days",
        columns=plain("id due_at asks asked_at quote_at")
        | same("day state verdict figures impression told_at meaning quoted_at ended_at")
        | internal(LINK, "patient_id"),
    ),
    "alert": Table(
        Erased.DETACHED,
        section="alerts",
        columns=plain("id policy rung step next_step_at unreachable_since")
        | same("reference state times_raised raised_at last_raised_at acknowledged_at closed_at outcome")
        | exported(cause="class", severity="severity", level="urgency", told="what_you_were_told")
        | internal(LINK, "patient_id message_id")
        | internal(COLLEAGUE, "acknowledged_by closed_by"),
    ),
    "takeover": Table(
        Erased.DELETED,
        section="talks_with_physios",
        columns=plain("id due_at told_at alerted_at unread_since unanswered_since")
        | same("began_at last_at ended_at ended_by")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id"),
    ),
    "call": Table(
        Erased.DELETED,
        section="calls",
        columns=plain("id")
        | exported(times="offered", preferred="when_it_suits_you", call_at="at")
        | same("state made_at answered_at ended_at outcome")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id"),
    ),
    "referral": Table(
        Erased.DELETED,
        section="referrals",
        columns=plain("id")
        | exported(happened_on="day", answer="you_said")
        | same("state reason place bring visit_at made_at answered_at ended_at")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id ended_by")
        | internal("a clinician's findings: the clinic hands them out in person", "findings"),
    ),
    "casenote": Table(
        Erased.DELETED,
        columns=plain("id alert_id at")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id")
        | internal("a clinician's note can be about others too: the clinic hands it out in person", "words"),
    ),
    "supportcall": Table(
        Erased.DELETED,
        section="support_calls",
        columns=plain("id ended content")
        | same("at")
        | exported(number="which", outcome="how_it_went", referral="physical_assessment")
        | internal(LINK, "patient_id")
        | internal(COLLEAGUE, "physio_id")
        | internal("a clinician's note can be about others too: the clinic hands it out in person", "agreed notes"),
    ),
    "outboxmessage": Table(
        Erased.DELETED,
        columns=plain(
            "id kind channel priority must_arrive state created_at not_before lease_until tries parts_sent repeated sent_at"
            " telegram_message_id error edits check_in_id alert_id physio_id"
        )
        | internal(COPY, "key chat_id patient_id text buttons document picture picture_description file_name"),
    ),
    "button": Table(
        Erased.DELETED,
        owner="chat_id",
        columns=plain("id expires_at used_at") | internal(COPY, "outbox_key chat_id label says effect asks"),
    ),
    "inboxupdate": Table(
        Erased.EXPIRES,
        owner="chat_id",
        columns=plain("update_id received_at state attempts not_before screen_until screened")
        | internal(COPY, "chat_id raw"),
    ),
    "chatturn": Table(
        Erased.EXPIRES,
        owner="chat_id",
        columns=plain("owner lease_until") | internal("who is being answered", "chat_id"),
    ),
    "erasure": Table(
        Erased.KEPT,
        owner="",
        columns=plain("id requested_at forgotten_at done_at")
        | internal("random, and of nobody any more", "sender stand_in_id"),
    ),
    "auditevent": Table(
        Erased.KEPT,
        owner="",
        columns=plain("id at what hash")
        | internal("the record of who did what, in codes, for review", "by patient alert detail"),
    ),
    "physio": Table(
        Erased.STAFF,
        owner="",
        columns=plain("id role left_at service_id is_named_lead")
        | internal(COLLEAGUE, "name chat_id blocked_at email email_failed_at console_seen_at"),
    ),
    "service": Table(Erased.STAFF, owner="", columns=plain("id name nation time_zone hours shown_as is_synthetic")),
    "shift": Table(
        Erased.STAFF,
        owner="",
        columns=plain("id weekday starts_at ends_at first_on last_on") | internal(COLLEAGUE, "physio_id"),
    ),
    "cover": Table(
        Erased.STAFF,
        owner="",
        columns=plain("id starts_at ends_at cancelled_at") | internal(COLLEAGUE, "physio_id by_id"),
    ),
    "closure": Table(Erased.STAFF, owner="", columns=plain("id service_id first_on last_on name is_open")),
    "account": Table(
        Erased.STAFF,
        owner="",
        columns=plain("id roles service_id created_at link_until locked_until ended_at demo")
        | internal(COLLEAGUE, "name physio_id password_hash code_secret last_code_step link_hash failures"),
    ),
    "consolesession": Table(
        Erased.STAFF,
        owner="",
        columns=plain("began_at seen_at ended_at") | internal(COLLEAGUE, "token_hash account_id"),
    ),
    "oncallshift": Table(
        Erased.STAFF, owner="", columns=plain("id") | internal(COLLEAGUE, "physio_id starts_at ends_at")
    ),
    "probe": Table(Erased.STAFF, owner="", columns=plain("id slot started_at alert_id finished_at")),
    "systemalive": Table(
        Erased.STAFF, owner="", columns=plain("id looked_at problems round_trip_at round_trip_s pinged_at")
    ),
    "senderlease": Table(Erased.STAFF, owner="", columns=plain("token_hash owner lease_until")),
}


def sections() -> dict[str, str]:
    """Section of the export → table."""
    return {table.section: name for name, table in TABLES.items() if table.section}
