"""A demo service: people in different states, played through the real coach with a clock of its own, once.

Only in the demo's own database. The dangers are heard by the real rules; what a model would hear stands in the story.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlmodel import Session

from bot.app import App
from bot.clock import SimulatedClock
from bot.coaching import measures as scoring
from bot.coaching.screening import ScreeningRules
from bot.content import Library
from bot.rasa.turns import Intent, Label, Parse, Reply, ReplyButton, Turn, TurnResult
from bot.services.safety import screening_rules
from bot.services.sign_in import SignIn
from bot.telegram.api import CoachBot
from bot.telegram.intake import Intake
from bot.telegram.terminal import TerminalTelegram
from data import alerts, checkins, measures, patients, physios, rota
from data.accounts import ConsoleRole
from data.alerts import Alert
from data.checkins import CheckInState
from data.database import Database
from data.measures import Sitting, SittingState
from data.patients import Nation
from data.physios import Physio, PhysioRole

STORIES = Path(__file__).with_name("demo_stories.yml")
SERVICE = "Demo service"
FIRST_PATIENT, FIRST_PHYSIO = 200_001, 910_001  # chats
ZONE = ZoneInfo("Europe/London")
CHECK_IN_AT, TALK_AT = time(9), time(14)
MOST_QUESTIONS = 6  # of one check-in


@dataclass(frozen=True)
class Act:
    """Something that happens at an instant: a check-in that is answered, a message, an invitation."""

    at: datetime
    chat: int
    story: dict[str, Any]
    what: str  # joins, check_in, goal, says
    told: Any = None


class ScriptedRasa:
    """Hears in each line what its story says, and gives those responses. It runs nothing and learns nothing."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.lines: dict[str, dict[str, Any]] = {}

    async def ready(self) -> bool:
        return True

    async def converse(self, turn: Turn) -> TurnResult:
        line = self.lines.get(turn.text or "", {})
        values = {**turn.slots, **line.get("values", {})}
        replies = [self._reply(name, values) for name in line.get("coach", ["utter_default"])]
        return TurnResult(parse=self._parse(turn.text or ""), replies=replies)

    async def parse(self, texts: Sequence[str]) -> list[Parse]:
        return [self._parse(text) for text in texts]

    async def forget(self, sender: str) -> None:
        """There is nothing to forget."""

    async def swap(self, *args: Any, **kwargs: Any) -> Any:
        """There is no model to change."""

    def _parse(self, text: str) -> Parse:
        heard = self.lines.get(text, {}).get("beliefs", {})
        intent = Intent(name="belief" if heard else "smalltalk", confidence=0.9)
        beliefs = [Label(id=name, confidence=score) for name, score in heard.items()]
        return Parse(intent=intent, ranking=[intent], beliefs=beliefs, model="demo")

    def _reply(self, response: str, values: dict[str, Any]) -> Reply:
        words = self._library.say(response, **values)
        custom = {key: str(value).format_map(_Blank(values)) for key, value in words.custom.items()}
        buttons = [ReplyButton(title=choice.label, payload=choice.says) for choice in words.choices]
        return Reply(response=response, text=words.text, buttons=buttons, custom=custom)


class _Blank(dict):
    def __missing__(self, key: str) -> str:
        return ""


def stories() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(STORIES.read_text(encoding="utf-8"))
    return found


async def seed(
    database: Database,
    library: Library,
    sign_in: SignIn,
    now: datetime,
    *,
    told: dict[str, Any] | None = None,
    rules: ScreeningRules | None = None,
) -> bool:
    """True when the demo was made now; False when it stands already, or when anybody else does.

    `told` and `rules`: where they are at hand already, or fewer stories will do.
    """
    with database.transaction() as session:
        if not patients.nobody_yet(session):
            return False
        rota.service(session, rota.FIRST).name = SERVICE
    await Play(database, library, sign_in, told or stories(), rules or screening_rules(library), now).run()
    return True


class Play:
    """The stories on a coach of their own, whose Telegram is in memory and whose clock ends at `now`."""

    def __init__(
        self,
        database: Database,
        library: Library,
        sign_in: SignIn,
        stories: dict[str, Any],
        rules: ScreeningRules,
        now: datetime,
    ) -> None:
        self._database, self._library, self._sign_in, self._stories, self._now = (
            database,
            library,
            sign_in,
            stories,
            now,
        )
        longest = max(each["joined"] for each in stories["patients"])
        self._clock = SimulatedClock(self._on(longest, time(8)))
        self._rasa = ScriptedRasa(library)
        self._telegram = TerminalTelegram(now=self._clock.now)
        self._bot = CoachBot("0:demo", request=self._telegram)
        self._app = App(
            database=database, library=library, rules=rules, clock=self._clock, rasa=self._rasa,
            bot=self._bot,
        )  # fmt: skip
        self._intake = Intake(self._bot, self._app.inbox)

    async def run(self) -> None:
        async with self._bot:
            self._staff()
            for acts in _at_once(self._acts()):
                self._clock.move_to(acts[0].at)
                await self._settle()
                await self._happen(acts)
            self._clock.move_to(self._now)
            await self._settle()
            await self._intake.close()

    # --- who ---

    def _staff(self) -> None:
        now = self._clock.now()
        with self._database.transaction() as session:
            for number, each in enumerate(self._stories["staff"]):
                roles = {ConsoleRole(role) for role in each["roles"]}
                physio = None
                if ConsoleRole.PHYSIO in roles:
                    physio = Physio(name=each["name"], role=PhysioRole.LEAD if each.get("lead") else PhysioRole.PHYSIO)
                    session.add(physio)
                    session.flush()
                    physios.link(session, physio, FIRST_PHYSIO + number)
                    if each["duty"]:
                        physios.start_duty(session, physio, now)
                    if shifts := each.get("shifts"):
                        self._app.rota_desk.add_shifts(
                            session, physio, shifts["days"], shifts["span"], first_on=now.date(), by="admin", now=now
                        )
                account, _ = self._sign_in.open_account(
                    session, each["sign_in"], roles, by="admin", now=now, physio=physio, demo=True
                )
                self._sign_in.set_up_demo(session, account)

    # --- what happens when ---

    def _acts(self) -> list[Act]:
        found: list[Act] = []
        for number, story in enumerate(self._stories["patients"]):
            chat, joined = FIRST_PATIENT + number, story["joined"]
            found.append(Act(self._on(joined, time(8)), chat, story, "joins"))
            if story.get("goal"):
                found.append(Act(self._on(joined, time(8, 30)), chat, story, "goal", story["goal"]))
            for day, told in story.get("days", {}).items():
                at = self._on(joined - day, CHECK_IN_AT) + timedelta(minutes=2)
                found.append(Act(at, chat, story, "check_in", told))
            for line in story.get("says", ()):
                hours = line.get("hours_ago")
                at = self._now - timedelta(hours=hours) if hours else self._on(joined - line["day"], TALK_AT)
                found.append(Act(at, chat, story, "says", line))
        past = [each for each in found if each.at <= self._now]
        return sorted(past, key=lambda each: (each.at, each.chat))

    async def _happen(self, acts: list[Act]) -> None:
        for act in acts:
            if act.what == "joins":
                self._joins(act)
            elif act.what == "goal":
                self._writes(act.chat, "demo goal", {"coach": ["utter_goal_saved"], "values": act.told})
            elif act.what == "says":
                self._writes(act.chat, act.told["text"], act.told)
        await self._settle()
        for _ in range(MOST_QUESTIONS):
            answered = [self._answers(act) for act in acts if act.what == "check_in"]
            if not any(answered):
                break
            await self._settle()
        for act in acts:
            if act.what == "says" and act.told.get("acknowledged_by"):
                await self._looked_at(act)

    def _joins(self, act: Act) -> None:
        now, story = self._clock.now(), act.story
        with self._database.transaction() as session:
            code = self._app.enrolment.invite(session, by="admin", now=now)
            patient = self._app.enrolment.stranger(session, act.chat, now)
            self._app.enrolment.redeem(session, patient, code, now)
            if story.get("only_invited"):
                return
            self._app.enrolment.enrol(
                session, patient, nation=Nation.ENGLAND, time_zone=ZONE.key, check_in_at=CHECK_IN_AT,
                activity_screen=story.get("activity_screen", ""), now=now,
            )  # fmt: skip
            patient.next_safety_screen_at = now + timedelta(days=30)
            if story.get("review"):
                self._review(session, patient, story["review"], now)
            for name, sittings in story.get("measures", {}).items():
                for week, (occasion, answer) in enumerate(sittings.items()):
                    on = now.astimezone(ZONE).date() + timedelta(days=12 * week)
                    self._sitting(session, patient.id, name, occasion, answer, on)

    def _review(self, session: Session, patient: patients.Patient, name: str, now: datetime) -> None:
        """A yes to a health question: a physio is to look, and one has it."""
        rule = self._library.protocol["escalation"]["activity_review"]
        alert = self._app.escalation.raise_alert(
            session, patient, cause=rule["cause"], severity=rule["severity"], level=rule["level"], told="",
            message_id=None, now=now,
        )  # fmt: skip
        self._app.escalation.acknowledge(session, alert.id, self._physio(session, name), now)

    def _sitting(self, session: Session, patient_id: int, name: str, occasion: str, answer: int, on: date) -> None:
        declared = self._library.measures.get(name)
        if declared is None:
            return
        answers = dict.fromkeys(declared.items, answer)
        scored = scoring.score(declared, answers)
        measures.add(
            session,
            Sitting(
                patient_id=patient_id, measure=name, occasion=occasion, due_on=on, until_on=on, state=SittingState.DONE,
                answers=answers, score=scored.total, subscales=dict(scored.subscales),
                ended_at=datetime.combine(on, TALK_AT, ZONE).astimezone(UTC),
            ),
        )  # fmt: skip

    def _writes(self, chat: int, text: str, line: dict[str, Any]) -> None:
        self._rasa.lines[text] = line
        self._intake.take(self._telegram.says(chat, text))

    def _answers(self, act: Act) -> bool:
        """The question of the check-in that is open; False when none is."""
        with self._database.transaction() as session:
            patient = patients.by_chat(session, act.chat)
            sent = checkins.in_state(session, patient.id, CheckInState.SENT) if patient else []
            asks = sent[0].asks if sent else None
        if asks is None:
            return False
        pain, minutes, confidence = act.told
        told = {"pain": f"{pain}", "minutes": f"{minutes} minutes", "confidence": f"{confidence}"}
        self._intake.take(self._telegram.says(act.chat, told.get(asks, "skip")))
        return True

    async def _looked_at(self, act: Act) -> None:
        """A physio takes every alert of this patient, and ends it a few hours later."""
        self._clock.move(timedelta(minutes=4))
        for move in ("acknowledge", "close"):
            with self._database.transaction() as session:
                patient = patients.by_chat(session, act.chat)
                physio = self._physio(session, act.told["acknowledged_by"])
                for alert in _unclosed(session, patient):
                    if move == "acknowledge":
                        self._app.escalation.acknowledge(session, alert.id, physio, self._clock.now())
                    else:
                        self._app.case_desk.close(
                            session, physio, alert.reference, act.told["closed"], self._clock.now(),
                            seen=alert.times_raised, note=act.told.get("note", ""),
                        )  # fmt: skip
            self._clock.move(timedelta(minutes=50))
            await self._settle()

    # --- small parts ---

    async def _settle(self) -> None:
        """Everything that is due by now happens."""
        while True:
            await self._app.turns.drain()
            done = await self._app.tick.run()
            done += await self._app.delivery.drain(self._clock.move)
            if not done:
                return
            await asyncio.sleep(0)

    def _on(self, days_ago: int, at: time) -> datetime:
        day = self._now.astimezone(ZONE).date() - timedelta(days=days_ago)
        return datetime.combine(day, at, ZONE).astimezone(UTC)

    def _physio(self, session: Session, name: str) -> Physio:
        return next(each for each in physios.staff(session) if each.name == name)


def _unclosed(session: Session, patient: patients.Patient | None) -> list[Alert]:
    return [each for each in alerts.unclosed(session) if patient and each.patient_id == patient.id]


def _at_once(acts: list[Act]) -> list[list[Act]]:
    """Those of one instant together: the clock stops once for all of them."""
    found: list[list[Act]] = []
    for act in acts:
        if found and found[-1][0].at == act.at:
            found[-1].append(act)
        else:
            found.append([act])
    return found
