"""Modules: short things to practise in the chat. The row says which step is asked; it waits, for days if need be.

Taps, numbers and plain words for a button move it here, with Rasa down too. Own words go through Rasa's `module_form`,
so that a danger or a belief in them is heard, and come back through `record`.
"""

import logging
import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from bot.coaching import answers, schedule
from bot.coaching.modules import END, Kind, Module, Past, Step, next_rung, what_to_offer
from bot.content import Choice, Library, Words
from bot.errors import EffectRefused
from bot.rasa.turns import Reply
from bot.services.checkin_questions import UNSET
from bot.services.experiments import Experiments
from bot.services.facts import Facts
from bot.services.module_words import ALL, GO_ON, KEEP, LEAVE_OUT, SKIP, START, ModuleWords
from bot.services.outgoing import Outgoing
from bot.services.timers import Timers
from data import concerns, flares, modules
from data.modules import Keepsake, ModuleRun, ModuleState
from data.patients import Patient, PatientState
from data.timers import Timer

logger = logging.getLogger(__name__)

FORM, SLOT = "module_form", "module_answer"
ASKS = f"{FORM}.{SLOT}"
RATED = re.compile(r"^(?P<words>.*[^\W\d_].*?)[\s,;:–-]+(?P<fear>10|\d)(?:\s*/\s*10)?\.?$")
BACK, CANNOT_GO_BACK = "back", "utter_cannot_go_back"
HELPED = "helped"  # the place of the card that says what helped in the last flare-up


class Modules:
    """Methods run in the caller's transaction. A check-in that is open goes before any step of these."""

    def __init__(
        self, library: Library, outgoing: Outgoing, experiments: Experiments, facts: Facts, timers: Timers
    ) -> None:
        self._library = library
        self._outgoing = outgoing
        self._experiments = experiments
        self._facts = facts
        self._timers = timers
        self._words = ModuleWords(library)

    # What is on offer

    def offer_next(
        self, session: Session, patient: Patient, now: datetime, *, reasons: Collection[str] = ()
    ) -> Words | None:
        """For the weekly review: the module that fits, with buttons to take it or not. None when none is left.

        `reasons`: what got in the way this week, most pressing first, by the codes of the review (pain, time, mood, …).
        """
        if patient.state != PatientState.ACTIVE or patient.held_since:
            return None
        past = self._past(session, patient, now)
        found = what_to_offer(
            self._library.modules, list(self._library.value("modules.order")), past, week=self._facts.week(patient, now),
            reasons=list(reasons), beliefs=self._beliefs(session, patient),
            rest_days=self._library.number("modules.offer_again_after"),
        )  # fmt: skip
        if found is None:
            return None
        name, reason = found
        run = self._unfinished(session, patient, name) or ModuleRun(patient_id=patient.id, module=name)
        if run.started_at is None:
            run.state = ModuleState.OFFERED
        run.reason, run.offered_on = reason, schedule.local_day(now, patient.time_zone)
        modules.add(session, run)
        offer = self._library.say(self._library.modules[name].part("offer"), variation=run.id)
        take = Choice(self._label("utter_module_take_label"), says="/open_module", effect={"module": name})
        leave = Choice(self._label("utter_module_not_now_label"), says="/module_not_now", effect={"module": name})
        return Words(offer.response, offer.text, (take, leave))

    def decline(self, session: Session, patient: Patient, name: str, now: datetime) -> list[Words]:
        run = self._unfinished(session, patient, name)
        if run and run.state == ModuleState.OFFERED:
            run.state, run.ended_at = ModuleState.DECLINED, now
        return [self._library.say("utter_module_not_now")]

    def show_all(self, session: Session, patient: Patient, *, skip: int = 0) -> list[Words]:
        """Those begun first, then those that are new, then those done: all can be opened."""
        begun, done = set(), set()
        for run in modules.runs(session, patient.id):
            if run.state == ModuleState.OPEN and run.started_at:
                begun.add(run.module)
            elif run.state == ModuleState.DONE:
                done.add(run.module)
        names = [name for name in self._library.value("modules.order") if not self._library.modules[name].hidden]
        ranked = sorted(names, key=lambda name: 0 if name in begun else 2 if name in done else 1)
        most = int(self._library.number("modules.shown"))
        label = {True: "utter_module_go_on_with_label", False: "utter_module_label"}
        choices = [
            Choice(
                self._label(
                    "utter_module_again_label" if name in done and name not in begun else label[name in begun],
                    title=self._label(self._library.modules[name].part("title")),
                ),
                says="/open_module",
                effect={"module": name},
            )
            for name in ranked[skip : skip + most]
        ]
        if len(ranked) > skip + most:
            choices.append(
                Choice(self._label("utter_more_modules_label"), says="/modules", effect={"skip": str(skip + most)})
            )
        words = self._library.say("utter_modules_more" if skip else "utter_modules_list")
        return [Words(words.response, words.text, tuple(choices))]

    # One module

    def open(self, session: Session, patient: Patient, name: str, now: datetime) -> list[Words]:
        """From its first step, or from where it was left. Raises EffectRefused while something else is being asked."""
        if name not in self._library.modules:
            raise EffectRefused("utter_stale_button")
        if patient.asks and patient.asks != ASKS:
            raise EffectRefused("utter_finish_this_first")
        module = self._library.modules[name]
        run = self._unfinished(session, patient, name)
        if run is None:
            run = modules.add(session, ModuleRun(patient_id=patient.id, module=name, step=module.first.name))
        goes_on = run.started_at is not None and run.step in module.steps
        if not goes_on:
            run.step, run.answers, run.path, run.started_at = module.first.name, {}, [], now
        run.state = ModuleState.OPEN
        opening = self._library.say("utter_module_goes_on" if goes_on else "utter_module_opening", variation=run.id)
        logger.info("module_opened", extra={"skill": name, "step": run.step, "again": goes_on})
        return [opening, *self._put(session, patient, run, now)]

    def leave(self, session: Session, patient: Patient, now: datetime) -> None:
        """Its place is kept. Fine at any step."""
        for run in modules.runs(session, patient.id):
            run.asked_at = None
        self._timers.stop_all(session, patient, now)
        if patient.asks == ASKS:
            patient.asks = None

    def follow(self, session: Session, patient: Patient) -> None:
        """After a turn: what the dialogue asks no more about has been left. Its place is kept."""
        run = modules.asking(session, patient.id)
        if run and patient.asks != ASKS:
            run.asked_at = None

    def let_pass(self, session: Session, patient: Patient, now: datetime) -> None:
        """A question that has grown old is no longer asked; the module can be taken up again."""
        if patient.asks == ASKS and self.open_for(session, patient, now) is None:
            patient.asks = None

    def tidy(self, session: Session, now: datetime) -> int:
        """The tick: what nobody has answered for hours no longer stands in the way of anything."""
        old = modules.forgotten(session, before=now - self._asked_for(), most=50)
        for run in old:
            run.asked_at = None
            patient = session.get_one(Patient, run.patient_id)
            if patient.asks == ASKS:
                patient.asks = None
        return len(old)

    # What is being asked

    def open_for(self, session: Session, patient: Patient, now: datetime) -> ModuleRun | None:
        """The one whose step the patient has before them; None once it is old, or something else is asked."""
        run = modules.asking(session, patient.id)
        if run is None or run.asked_at is None or patient.asks != ASKS or patient.held_since:
            return None
        return run if now - run.asked_at < self._asked_for() else None

    def asks_now(self, session: Session, patient: Patient, now: datetime) -> str | None:
        """What its buttons are bound to: "module.12.nights"."""
        run = self.open_for(session, patient, now)
        return f"module.{run.id}.{run.step}" if run else None

    def question(self, session: Session, patient: Patient, run: ModuleRun) -> list[Words]:
        return [self._words.question(run, self._step(run), self._facts.known(session, patient))]

    def rasa_form(self) -> dict[str, Any]:
        """For Turn.form: one empty slot, whatever step it is."""
        return {"name": FORM, "slots": {SLOT: None}, "asks": SLOT}

    def in_place_of(self, session: Session, patient: Patient, reply: Reply, now: datetime) -> list[Words]:
        """The step's own words in the place of a text of the dialogue; [] when it has none."""
        run = self.open_for(session, patient, now)
        if run is None:
            return []
        if reply.response == CANNOT_GO_BACK:  # Rasa knows of one slot; here there may be a step before
            if not run.path:
                return []
            self._back(session, patient, run, now)
            return [self._library.say("utter_module_back")]
        if reply.custom.get("slot_in") == "module_why":
            return self._words.why(self._step(run))
        return self.question(session, patient, run)

    # The patient's side

    def answer(self, session: Session, patient: Patient, said: str, *, key: str, now: datetime) -> bool:
        """A tap, or a typed answer that can be understood without Rasa; False when it can't."""
        run = self.open_for(session, patient, now)
        if run is None or not said or said.startswith("/"):
            return False
        plain = said.strip().casefold()
        if plain == BACK:
            words = self._back(session, patient, run, now)
        elif (value := self._read(run, self._step(run), plain, said)) is not None:
            words = self._take(session, patient, run, value, key=key, now=now)
        else:
            return False
        asks = self.asks_now(session, patient, now)
        self._outgoing.to_patient(session, patient, words, key=key, kind="reply", now=now, asks=asks)
        return True

    def record(self, session: Session, patient: Patient, said: str, *, key: str, now: datetime) -> list[Words]:
        """Own words, heard by Rasa. Returns what follows. Raises EffectRefused when no step is open."""
        run = self._heard_for(session, patient, now)
        if said in (UNSET, ""):
            return self.question(session, patient, run)
        value = answers.SKIPPED if said == answers.SKIPPED else self._understood(run, self._step(run), said)
        if value is None:
            return [self._library.say("utter_module_unclear"), *self.question(session, patient, run)]
        return self._take(session, patient, run, value, key=key, now=now)

    def back(self, session: Session, patient: Patient, now: datetime) -> list[Words]:
        return self._back(session, patient, self._heard_for(session, patient, now), now)

    def time_is_up(self, session: Session, patient: Patient, timer: Timer, now: datetime) -> list[Words]:
        """The step was tried: what comes next, when it is still the one being asked; else only the bell."""
        run = modules.run(session, patient.id, timer.run_id or 0)
        bell = self._library.say("utter_timer_up", variation=timer.id)
        if run is None or run.state != ModuleState.OPEN or run.step != timer.step:
            return [bell]
        if patient.asks in (None, ASKS) and run.asked_at is not None:
            return [bell, *self._take(session, patient, run, "done", key=timer.message_key, now=now)]
        self._advance(run, self._step(run), "done")
        return [bell]

    def phases_of(self, session: Session, timer: Timer) -> list[str]:
        """The names of the words shown while this timer runs."""
        run = session.get(ModuleRun, timer.run_id) if timer.run_id else None
        step = self._library.modules[run.module].steps.get(timer.step) if run else None
        return self._words.during(step) if step else []

    # How an answer is read

    def _read(self, run: ModuleRun, step: Step, plain: str, said: str) -> Any:
        """Without Rasa: buttons by what they say or how they are labelled, and numbers. None: it takes more."""
        if plain == SKIP:
            return answers.SKIPPED
        asked = self._words.question(run, step, {})
        for choice in asked.choices:
            if plain in (choice.label.casefold(), choice.says.casefold()):
                return answers.SKIPPED if choice.says == SKIP else choice.says
        if step.kind in (Kind.SCALE, Kind.EXPECT, Kind.NUMBER) or self._words.unrated(run, step):
            return self._number(step, said, answers.read)
        if step.kind == Kind.DRAFT and plain.startswith(LEAVE_OUT):
            return plain
        return None

    def _understood(self, run: ModuleRun, step: Step, said: str) -> Any:
        """Own words as a value of the step; None when it can't be one."""
        if step.kind in (Kind.SCALE, Kind.EXPECT, Kind.NUMBER) or self._words.unrated(run, step):
            return self._number(step, said, answers.find)
        if step.kind == Kind.CHOICES:
            options = {option.code: [option.label] for option in step.options.values()}
            return answers.find({"kind": "choice", "options": options}, said) or said
        if step.kind == Kind.TRY:
            return None
        return GO_ON if step.kind == Kind.SHOW else said

    def _number(self, step: Step, said: str, reader: Any) -> Any:
        most = 100 if step.kind == Kind.NUMBER else 10
        value = reader({"kind": "scale"}, said)
        return value if isinstance(value, int) and 0 <= value <= most else None

    # The row

    def _take(
        self, session: Session, patient: Patient, run: ModuleRun, value: Any, *, key: str, now: datetime
    ) -> list[Words]:
        """One answer: what is said to it, and what is asked next."""
        step, skipped = self._step(run), value == answers.SKIPPED
        match step.kind:
            case Kind.TRY if value == START:
                run.asked_at = now
                names = self._words.during(step)
                return self._timers.start(
                    session, patient, seconds=step.seconds, run_id=run.id, step=step.name, phases=names, key=key, now=now
                )  # fmt: skip
            case Kind.LADDER if not skipped:
                if words := self._climb(session, patient, run, step, value, now):
                    return words
                value = run.answers.get(step.name) or answers.SKIPPED
            case Kind.DRAFT if not skipped:
                if value != KEEP:
                    return self._redraft(session, patient, run, step, str(value), now)
                value = run.answers.get(step.name) or answers.SKIPPED
        self._timers.stop_all(session, patient, now)
        facts = self._facts.known(session, patient)
        said = self._words.reply(run, step, value, facts)
        self._advance(run, step, value)
        said = said and self._words.reply(run, step, value, facts)  # it may show the answer itself
        if not skipped:
            said = [*said, *self._done_with(session, patient, run, step, value, key=key, now=now)]
        return [*said, *self._put(session, patient, run, now)]

    def _advance(self, run: ModuleRun, step: Step, value: Any) -> None:
        run.answers = {**run.answers, step.name: value}
        run.path = [*run.path, step.name]
        run.step = self._module(run).follows(step.name, run.answers)

    def _put(self, session: Session, patient: Patient, run: ModuleRun, now: datetime) -> list[Words]:
        """Asks the step the row stands at, or ends."""
        if run.step == END:
            run.state, run.ended_at, run.asked_at, patient.asks = ModuleState.DONE, now, None, None
            logger.info("module_done", extra={"skill": run.module})
            done = self._library.say("utter_module_done", variation=run.id)
            last = self._module(run).steps[run.path[-1]]
            option = last.options.get(str(run.answers.get(last.name)))
            on = (Choice(option.label, says=option.opens),) if option and option.opens else ()
            return [Words(done.response, done.text, on)]
        for other in modules.runs(session, patient.id):
            other.asked_at = None
        step = self._step(run)
        if step.kind == Kind.EXPECT and not self._words.answers(run).get(step.test):
            self._advance(run, step, answers.SKIPPED)  # there is nothing to test
            return self._put(session, patient, run, now)
        run.asked_at, patient.asks = now, ASKS
        if step.kind == Kind.DRAFT and step.name not in run.answers:
            lines = self._facts.lines(session, patient, step.source, self._words.answers(run), now)
            run.answers = {**run.answers, step.name: lines}
        session.flush()
        return self.question(session, patient, run)

    def _back(self, session: Session, patient: Patient, run: ModuleRun, now: datetime) -> list[Words]:
        self._timers.stop_all(session, patient, now)
        if not run.path:
            return [self._library.say(CANNOT_GO_BACK), *self.question(session, patient, run)]
        run.step, run.path = run.path[-1], run.path[:-1]
        run.answers = {name: value for name, value in run.answers.items() if name != run.step}
        return self._put(session, patient, run, now)

    def _done_with(
        self, session: Session, patient: Patient, run: ModuleRun, step: Step, value: Any, *, key: str, now: datetime
    ) -> list[Words]:
        """What an answer leaves behind: a card, a small test, a text to show, another dialogue."""
        match step.kind:
            case Kind.KEEP:
                own = self._words.card(run, step, self._facts.known(session, patient)) if value == KEEP else str(value)
                if not own:
                    return []
                return self._words.kept(self._keep(session, patient, run, step, own, now))
            case Kind.DRAFT if isinstance(value, list):
                text = "\n".join(value)
                self._keep(session, patient, run, step, text, now)
                title = Words(step.response, self._words.title(self._module(run), step))
                self._outgoing.to_patient(
                    session, patient, [title, Words(step.response, text)], key=f"{key}:draft", kind="reply", now=now
                )
                return [self._library.say("utter_module_draft_sent")]
            case Kind.EXPECT:
                what = self._words.answers(run).get(step.test, "")
                return (
                    self._experiments.agree(session, patient, what=what, expected=int(value), now=now) if what else []
                )
        return []

    def _keep(
        self, session: Session, patient: Patient, run: ModuleRun, step: Step, words: str, now: datetime
    ) -> Keepsake:
        title = self._words.title(self._module(run), step)
        if step.place == HELPED:
            flares.note_helped(session, patient.id, words)
        card = Keepsake(patient_id=patient.id, module=run.module, place=step.place, title=title, words=words, at=now)
        return modules.keep(session, card)

    def _climb(
        self, session: Session, patient: Patient, run: ModuleRun, step: Step, value: Any, now: datetime
    ) -> list[Words]:
        """A rung, or how scary it is; [] when the ladder is whole. None of them small enough: one more is asked for."""
        rungs = [dict(rung) for rung in run.answers.get(step.name) or []]
        if self._words.unrated(run, step) and str(value).isdecimal():
            rungs[-1]["fear"] = int(value)
        elif value != ALL:
            rated = RATED.match(str(value))
            words = rated["words"] if rated else str(value)
            rungs.append({"words": words.strip(), "fear": int(rated["fear"]) if rated else None})
        run.answers = {**run.answers, step.name: rungs}
        run.asked_at = now
        if self._words.unrated(run, step) and value != ALL:
            return self.question(session, patient, run)
        most = int(self._library.number("modules.most_rungs"))
        if value != ALL and len(rungs) < most:
            return self.question(session, patient, run)
        if next_rung(rungs, self._library.number("modules.most_fear")) is None and 0 < len(rungs) < most + 1:
            return [self._library.say("utter_module_rungs_too_big"), *self.question(session, patient, run)]
        return []

    def _redraft(
        self, session: Session, patient: Patient, run: ModuleRun, step: Step, said: str, now: datetime
    ) -> list[Words]:
        """A line less, or a line more."""
        lines = list(run.answers.get(step.name) or [])
        number = said.removeprefix(LEAVE_OUT)
        if said.startswith(LEAVE_OUT) and number.isdecimal() and 1 <= int(number) <= len(lines):
            del lines[int(number) - 1]
        elif not said.startswith(LEAVE_OUT):
            lines.append(said)
        run.answers, run.asked_at = {**run.answers, step.name: lines}, now
        return self.question(session, patient, run)

    # Rows

    def _heard_for(self, session: Session, patient: Patient, now: datetime) -> ModuleRun:
        """The open step of a turn that Rasa has taken: its form is over by then. Raises EffectRefused without one."""
        run = modules.asking(session, patient.id)
        if run is None or run.asked_at is None or now - run.asked_at >= self._asked_for():
            raise EffectRefused("utter_refused_no_module")
        patient.asks = ASKS
        return run

    def _step(self, run: ModuleRun) -> Step:
        module = self._module(run)
        return module.steps.get(run.step) or module.first  # the file has changed since

    def _module(self, run: ModuleRun) -> Module:
        return self._library.modules[run.module]

    def _unfinished(self, session: Session, patient: Patient, name: str) -> ModuleRun | None:
        rows = [row for row in modules.runs(session, patient.id) if row.module == name]
        return next((row for row in reversed(rows) if row.state in (ModuleState.OFFERED, ModuleState.OPEN)), None)

    def _past(self, session: Session, patient: Patient, now: datetime) -> list[Past]:
        today = schedule.local_day(now, patient.time_zone)
        return [
            Past(run.module, run.state == ModuleState.DONE, (today - run.offered_on).days if run.offered_on else None)
            for run in modules.runs(session, patient.id)
        ]

    def _beliefs(self, session: Session, patient: Patient) -> list[str]:
        """The classes heard, the newest first."""
        flags = concerns.standing_flags(session, patient.id)
        return list(dict.fromkeys(each.belief for each in reversed(flags) if each.belief))

    def _asked_for(self) -> timedelta:
        return timedelta(hours=self._library.number("modules.question_open"))

    def _label(self, response: str, **values: Any) -> str:
        return self._library.say(response, **values).text
