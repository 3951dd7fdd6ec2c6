"""One synthetic patient: what is on their phone, how each day goes, and what they answer. By seed, always the same."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from bot.simulation.personas import Course, Line, Persona

LEAVE = ("back", "stop", "later", "skip", "skip_all", "none", "done", "menu", "help", "talk_to_physio", "none_of_these")
OPENING = ("utter_menu", "utter_help", "utter_fallback")  # lists of everything: nobody taps through them
JOINING = ("enrolment_form.", "safety.")  # nobody leaves these half-way: then there would be nothing to see
MOST_A_DAY = 60  # messages of one patient: who answers more goes round in circles
ALL_DIGITS = str.isdecimal
TICKED = "☑"


@dataclass(frozen=True)
class Button:
    id: str
    label: str
    says: str
    asks: str | None
    ticks: bool = False

    @property
    def name(self) -> str:
        return self.says.lstrip("/")


@dataclass(frozen=True)
class Seen:
    """One message as it lies on the phone. `asks`: what it wants to know ("check_in.12.pain"), if anything."""

    message_id: int
    text: str
    kind: str
    responses: tuple[str, ...]
    buttons: tuple[Button, ...]
    asks: str | None


@dataclass(frozen=True)
class Move:
    """A tap on a button of a message, or words that are typed."""

    words: str
    tap: tuple[int, str] | None = None  # message, button
    ticks: bool = False


@dataclass
class Person:
    """`days`: how long the programme lasts. Days count from 1."""

    name: str
    chat_id: int
    persona: Persona
    rng: Random
    days: int
    free_words: Sequence[str]
    usual: Mapping[str, str]  # answers that everybody gives, by question
    _days: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    _answered: dict[str, int] = field(default_factory=dict)
    _said: dict[int, int] = field(default_factory=dict)

    # How a day goes

    def pain(self, day: int) -> int:
        return self._day(day)[0]

    def _day(self, day: int) -> tuple[int, int, int]:
        """Pain, minutes of activity, confidence: the same whenever it is asked."""
        for each in range(1, day + 1):
            if each not in self._days:
                self._days[each] = (self._of_ten(self.persona.pain, each), self._minutes(each),
                                    self._of_ten(self.persona.confidence, each))  # fmt: skip
        return self._days[day]

    def _minutes(self, day: int) -> int:
        activity = self.persona.activity
        share = activity.cycle[(day - 1) % len(activity.cycle)]
        if not share or self.rng.random() >= activity.chance:
            return 0
        wanted = self._between(activity.start, activity.end, day) * share
        return max(1, round(self.rng.gauss(wanted, wanted * 0.15)))

    def _of_ten(self, course: Course, day: int) -> int:
        return min(10, max(0, round(self._on(course, day))))

    def _on(self, course: Course, day: int) -> float:
        return self.rng.gauss(self._between(course.start, course.end, day), course.wobble)

    def _between(self, start: float, end: float, day: int) -> float:
        return start + (end - start) * min(1.0, (day - 1) / max(1, self.days - 1))

    def lines(self, day: int) -> Iterator[tuple[Line, str]]:
        """What they say on this day without being asked."""
        for line in self.persona.lines:
            due = line.day == day or (line.every and day >= line.first and (day - line.first) % line.every == 0)
            if due and self.rng.random() < line.chance:
                yield line, line.words[(day // (line.every or 1)) % len(line.words)]

    # What they do about a message

    def wait(self, seen: Seen, day: int, *, in_talk: bool) -> int | None:
        """Minutes until they answer; None when they leave it. `in_talk`: they wrote a moment ago."""
        if self._is_list(seen) or not (seen.buttons or seen.asks):
            return None
        if (seen.asks or "").startswith(JOINING):
            return 1
        if in_talk:
            return 1 if self.rng.random() < self.persona.goes_on else None
        first, last = self.persona.answers_check_ins
        shares = {"check_in": self._between(first, last, day), "reminder": self._between(first, last, day) / 3}
        share = shares.get(seen.kind, self.persona.takes_up)
        return self.rng.randint(*self.persona.minutes_to_answer) if self.rng.random() < share else None

    def tired(self, day: int) -> bool:
        self._said[day] = self._said.get(day, 0) + 1
        return self._said[day] > MOST_A_DAY

    def answer(self, seen: Seen, day: int) -> Sequence[Move]:
        """One move, or several taps one after the other on a list of statements."""
        asked = (seen.asks or "").rpartition(".")[2]
        if (seen.asks or "").startswith("measure.") and seen.responses[-1:] and "naming" in seen.responses[-1]:
            return (
                [Move(self.rng.choice(self.free_words))]
                if self.rng.random() < 0.6
                else [self._tapped(seen, asked, day)]
            )
        if any(button.ticks for button in seen.buttons):
            return self._ticked(seen, day)
        for label in self.persona.presses:
            if pressed := self._press(seen, label):
                return [pressed]
        if chosen := self._declared(asked):
            return [self._press(seen, chosen) or Move(chosen)]
        if asked == "minutes" or asked.endswith("minutes_done"):
            return [Move(f"{self._day(day)[1]} minutes")]
        if asked in ("noticed", "experiment_made_of_it") and self.persona.notices and self.rng.random() < 0.3:
            return [Move(self.rng.choice(self.persona.notices))]
        return [self._tapped(seen, asked, day)]

    def _declared(self, asked: str) -> str | None:
        known = {"check_in_at": self.persona.check_in_at, **self.persona.answers, **self.usual}
        series = next((said for name, said in known.items() if asked and name in asked), None)
        if series is None:
            return None
        said = series.split("|")
        number = self._answered[asked] = self._answered.get(asked, 0) + 1
        return said[min(number, len(said)) - 1]

    def _tapped(self, seen: Seen, asked: str, day: int) -> Move:
        numbers = [button for button in seen.buttons if ALL_DIGITS(button.label)]
        others = [button for button in seen.buttons if button.name not in LEAVE and button not in numbers]
        if len(numbers) > 1:
            return self._move(seen, self._number(numbers, asked, day))
        if (seen.asks or "").startswith("safety."):
            return self._press(seen, "no") or self._move(seen, seen.buttons[-1])
        if (seen.asks or "").startswith("measure.") and len(others) > 1:
            share = min(1.0, max(0.0, self._on(self.persona.trouble, day)))
            return self._move(seen, others[round(share * (len(others) - 1))])
        if asked.startswith("screen_"):
            return self._press(seen, "no") or Move("no")
        if others and (not seen.asks or asked in ("offer", "explore_offer", "explore_try")):
            no = next((button for button in reversed(seen.buttons) if button.name != "undo"), seen.buttons[-1])
            return self._move(seen, others[0] if self.rng.random() < self.persona.curious else no)
        if others:
            return self._move(seen, others[0] if len(others) < 3 else self.rng.choice(others))
        return self._move(seen, seen.buttons[0]) if seen.buttons else Move(self.rng.choice(self.free_words))

    def _number(self, numbers: Sequence[Button], asked: str, day: int) -> Button:
        """The pain, the confidence, or how bad things are, in the place of a number in its row."""
        pain, minutes, confidence = self._day(day)
        if "minutes" in asked:
            return min(numbers, key=lambda button: abs(int(button.label) - minutes))
        trouble = round(10 * min(1.0, max(0.0, self._on(self.persona.trouble, day))))
        scores = {"pain": pain, "actual": pain, "morning": pain, "confidence": confidence, "importance": 8,
                  "sure": confidence}  # fmt: skip
        score = next((value for name, value in scores.items() if name in asked), trouble)
        return min(numbers, key=lambda button: abs(int(button.label) - score))

    def _ticked(self, seen: Seen, day: int) -> Sequence[Move]:
        """As many statements as their trouble makes likely, once; then they are done with the list."""
        ticks = [button for button in seen.buttons if button.ticks]
        if any(button.label.startswith(TICKED) for button in ticks):
            return [self._press(seen, "done") or Move("done")]
        share = min(1.0, max(0.0, self._on(self.persona.trouble, day)))
        chosen = sorted(self.rng.sample(range(len(ticks)), round(share * len(ticks))))
        done = self._press(seen, "done" if chosen else "none")
        if self.persona.ticks == "typed" and chosen:
            words = ", ".join(ticks[number].says for number in chosen)
            return [Move(words), Move("done")]
        return [*(self._move(seen, ticks[number]) for number in chosen), *([done] if done else [])]

    def _press(self, seen: Seen, wanted: str) -> Move | None:
        for button in seen.buttons:
            if wanted.casefold() in (button.name.casefold(), button.label.casefold()):
                return self._move(seen, button)
        return None

    def _move(self, seen: Seen, button: Button) -> Move:
        return Move(button.label, (seen.message_id, button.id), button.ticks)

    def _is_list(self, seen: Seen) -> bool:
        return any(name.startswith(OPENING) for name in seen.responses)
