"""What a turn may ask the app to do. Rasa proposes these beside its words; the app validates and commits them.

Everything Rasa interpolates is text, and an unset slot is "None": pydantic turns it into what it stands for.
"""

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from data.patients import Nation

UNSET = ("None", "", "skipped")


def _unset(value: Any) -> Any:
    return None if value in UNSET else value


Maybe = BeforeValidator(_unset)
Words = BeforeValidator(lambda value: _unset(value) or "")
Scale = Annotated[int, Field(ge=0, le=10)]
SaidSoFar = Annotated[str, Field(pattern=r"^(None|skipped|\d|10)$")]  # a score 0–10, and whether it was asked at all
FOR_WORDS = ("slot_in", "these_words_will_do", "did_you_mean")  # stand beside an effect and say how it is put


class Effect(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=1000)


class RedeemInvitation(Effect):
    effect: Literal["redeem_invitation"]
    code: str


class Enrol(Effect):
    effect: Literal["enrol"]
    age_ok: Literal["yes"]
    consent: Literal["yes"]
    nation: Nation
    time_zone: str
    check_in_at: time
    activity_screen: Annotated[str | None, Maybe] = None


class DeclineConsent(Effect):
    effect: Literal["decline_consent"]


class Withdraw(Effect):
    effect: Literal["withdraw"]


class SetGoal(Effect):
    effect: Literal["set_goal"]
    activity: str
    place: Annotated[str | None, Maybe] = None
    days: str
    at: str
    minutes: Annotated[int, Field(gt=0)]
    start_minutes: Annotated[int, Field(gt=0)]
    confidence: Scale
    importance: Annotated[Scale | None, Maybe] = None
    barrier: Annotated[str | None, Maybe] = None
    if_then: Annotated[str | None, Maybe] = None


class DropGoal(Effect):
    effect: Literal["drop_goal"]


class RecordCheckIn(Effect):
    """Answers so far: "None" is not answered yet, "skipped" is the patient's choice."""

    effect: Literal["record_check_in"]
    pain: str = "None"
    minutes: str = "None"
    confidence: str = "None"
    noticed: str = "None"


class StartCheckIn(Effect):
    effect: Literal["start_check_in"]


class SkipCheckIn(Effect):
    effect: Literal["skip_check_in"]


class SnoozeCheckIn(Effect):
    effect: Literal["snooze_check_in"]
    minutes: Annotated[int | None, Maybe] = None


class RecordExperiment(Effect):
    """Answers about a small test; "None" and "skipped" as in a check-in."""

    effect: Literal["record_experiment"]
    tried: str = "None"
    actual: str = "None"
    next_morning: str = "None"
    made_of_it: str = "None"


class LeaveExperiment(Effect):
    effect: Literal["leave_experiment"]


class TellExperiment(Effect):
    effect: Literal["tell_experiment"]


class ShowExperiments(Effect):
    effect: Literal["show_experiments"]


class SaveThoughtRecord(Effect):
    effect: Literal["save_thought_record"]
    situation: Annotated[str, Words] = ""
    thought: str
    feeling: Annotated[Scale | None, Maybe] = None
    did: Annotated[str, Words] = ""
    facts_for: Annotated[str, Words] = ""
    facts_against: Annotated[str, Words] = ""
    to_a_friend: Annotated[str, Words] = ""
    fairer_thought: str
    to_try: Annotated[str, Words] = ""
    feeling_after: Annotated[Scale | None, Maybe] = None


class ShowModules(Effect):
    effect: Literal["show_modules"]


class RecordModule(Effect):
    """The patient's own words to the step that is open."""

    effect: Literal["record_module"]
    answer: str = "None"


class BackInModule(Effect):
    effect: Literal["back_in_module"]


class LeaveModule(Effect):
    effect: Literal["leave_module"]


class ShowExercises(Effect):
    effect: Literal["show_exercises"]


class BeginFlare(Effect):
    """The safety questions were clear: the flare counts from today, and its plan is shown from the first card."""

    effect: Literal["begin_flare"]


class ShowCards(Effect):
    effect: Literal["show_cards"]


class DeleteCard(Effect):
    """`card`: "t12" a thought record, "k3" a keepsake."""

    effect: Literal["delete_card"]
    card: Annotated[str | None, Maybe] = None


class BringCardBack(Effect):
    effect: Literal["bring_card_back"]
    card: Annotated[str | None, Maybe] = None


class StartSafetyScreen(Effect):
    """The questions of a set; when all answers are clear, the intent `then` goes on."""

    effect: Literal["start_safety_screen", "start_flare"]
    set: str = "cauda_equina"
    then: str | None = None


class AskForPhysio(Effect):
    effect: Literal["ask_for_physio"]


class Pause(Effect):
    effect: Literal["pause"]
    days: Annotated[int | None, Field(ge=1, le=366), Maybe] = None


class Resume(Effect):
    effect: Literal["resume"]


class ChangeCheckInTime(Effect):
    effect: Literal["change_check_in_time"]
    at: time


class AskMornings(Effect):
    """Pain in the morning, activity in the evening; `at` None: one check-in a day again."""

    effect: Literal["ask_mornings"]
    at: Annotated[time | None, Maybe] = None
    evening_at: Annotated[time | None, Maybe] = None
    guess: Annotated[Literal["", "easier", "same", "sorer"], Words] = ""


class ShowProgress(Effect):
    effect: Literal["show_progress"]


class RecordLink(Effect):
    """Answers so far: "None" is not answered yet, "skipped" is the patient's choice."""

    effect: Literal["record_link"]
    impression: str = "None"
    meaning: str = "None"


class ExportMyData(Effect):
    effect: Literal["export_my_data"]


class EraseMyData(Effect):
    effect: Literal["erase_my_data"]


class Explore(Effect):
    effect: Literal["explore"]


class ExploreNotNow(Effect):
    effect: Literal["explore_not_now"]


class RecordExploration(Effect):
    """Answers so far: "None" is not answered yet, "skipped" is the patient's choice."""

    effect: Literal["record_exploration"]
    right: Literal["None", "right", "not_quite", "not_now"] = "None"
    view: str = "None"
    fits: str = "None"
    unlike: str = "None"
    offer: Literal["None", "skipped", "yes", "no"] = "None"
    found: str = "None"
    chosen: Literal["None", "skipped", "first", "second"] = "None"
    expected: SaidSoFar = "None"
    strength: SaidSoFar = "None"
    confidence: SaidSoFar = "None"
    done: Literal["no", "yes"] = "no"


class ExploreDisagree(Effect):
    effect: Literal["explore_disagree"]


class ExplorePark(Effect):
    effect: Literal["explore_park"]


class StartBaseline(Effect):
    """A week of tries before an amount is set."""

    effect: Literal["start_baseline"]
    activity: str


class RecordAnswers(Effect):
    """Answers so far in a talk of the programme, by slot; "None" is not answered yet, "skipped" the patient's choice."""

    effect: Literal["record_answers"]
    form: str
    answers: dict[str, str]


class LeaveTalk(Effect):
    effect: Literal["leave_talk"]


class StartTalk(Effect):
    """One that was offered and not answered."""

    effect: Literal["start_talk"]
    kind: str


class LogActivity(Effect):
    """What the message tells: the app reads it in its words."""

    effect: Literal["log_activity"]


class Undo(Effect):
    effect: Literal["undo"]


class NoteLimit(Effect):
    """A kind of protocol/activities.yml."""

    effect: Literal["note_limit"]
    kind: str


class NoneFits(Effect):
    effect: Literal["none_fits"]


class ShowSetbackPlan(Effect):
    effect: Literal["show_setback_plan"]


AnyEffect = (
    RedeemInvitation
    | Enrol
    | DeclineConsent
    | Withdraw
    | SetGoal
    | DropGoal
    | RecordCheckIn
    | StartCheckIn
    | SkipCheckIn
    | SnoozeCheckIn
    | RecordExperiment
    | LeaveExperiment
    | TellExperiment
    | ShowExperiments
    | SaveThoughtRecord
    | ShowModules
    | RecordModule
    | BackInModule
    | LeaveModule
    | ShowExercises
    | BeginFlare
    | ShowCards
    | DeleteCard
    | BringCardBack
    | StartSafetyScreen
    | AskForPhysio
    | Pause
    | Resume
    | ChangeCheckInTime
    | AskMornings
    | ShowProgress
    | RecordLink
    | ExportMyData
    | EraseMyData
    | Explore
    | ExploreNotNow
    | RecordExploration
    | ExploreDisagree
    | ExplorePark
    | StartBaseline
    | RecordAnswers
    | LeaveTalk
    | StartTalk
    | LogActivity
    | Undo
    | NoteLimit
    | NoneFits
    | ShowSetbackPlan
)

EFFECTS: TypeAdapter[AnyEffect] = TypeAdapter(Annotated[AnyEffect, Field(discriminator="effect")])


def read_effect(custom: dict[str, Any]) -> AnyEffect | None:
    """The effect a reply carries, or None. Raises pydantic.ValidationError when it is not one we know, or out of range."""
    if "effect" not in custom:
        return None
    return EFFECTS.validate_python({name: value for name, value in custom.items() if name not in FOR_WORDS})
