"""Questionnaires as dialogues/measures/*.yml declares them: items, options, scores, bands, thresholds, schedule.

One whose wording needs a licence stands there without its text; `with_texts` puts in what a deployer is licensed to show.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Key = Annotated[str, BeforeValidator(str)]
Range = tuple[float, float]
LONGEST_LABEL = 40  # characters: one line on a small phone, as protocol/wording.yml has it for our own
TICKS = "ticks"  # asked instead of an item where all items stand on one message


class Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(Declared):
    """A protocol number beside its unit, source and approval."""

    value: float
    unit: str
    source: str
    approved: str


class Option(Declared):
    """`value` is what is kept; `counts` what the scores take of it when that is something else."""

    value: float
    counts: float | None = None
    label: str = ""  # empty: needs a licence

    @property
    def points(self) -> float:
        return self.value if self.counts is None else self.counts


class Condition(Declared):
    """The item is asked when `item` was answered, and not with `unless`."""

    item: Key
    unless: float | None = None


class Item(Declared):
    """`kept`: an answer that later sittings take over. `suggests`: minutes with a button of their own."""

    text: str = ""  # empty: needs a licence
    kind: Literal["tick", "choice", "scale", "minutes", "words"] = "choice"
    options: tuple[Option, ...] = ()
    least: int = 0
    most: int = 10
    suggests: tuple[int, ...] = ()
    when: Condition | None = None
    kept: bool = False


class Rule(Declared):
    """How one score comes of the answers. `missing`: what becomes of it when an answer is not there."""

    method: Literal["count", "sum", "mean", "product", "value"]
    items: tuple[Key, ...] = ()  # empty: all that hold a number
    reverse: tuple[Key, ...] = ()
    range: Range
    missing: Literal["no score", "mean of the rest"] = "no score"
    most_missing: int = 0  # with "mean of the rest": how many may be missing
    source: str
    approved: str


class Band(Declared):
    """Scores within all the ranges: `total` is the main score, other names are subscales."""

    name: str
    ranges: Mapping[str, Range]


class Bands(Declared):
    """For physios; the first that fits. Never shown to a patient."""

    list: tuple[Band, ...]
    source: str
    approved: str


class Step(Declared):
    """A change that counts: so many points, or such a share of the earlier score when that is `share_from` or more."""

    points: Number
    share: Number | None = None
    share_from: Number | None = None


class Change(Declared):
    better: Literal["lower", "higher"]
    improved: Step
    worse: Step
    floor: Number | None = None  # at or under it, and at or over `ceiling`, there is little room to change
    ceiling: Number | None = None


class Licence(Declared):
    needed: bool
    status: str
    credit: str


class Wording(Declared):
    source: str
    approved: str


class Every(Declared):
    days: Number
    until: str  # an occasion


class Schedule(Declared):
    """`at`: occasions of protocol/measures.yml. `when_worse`: the measures whose deterioration calls for this one."""

    at: tuple[str, ...] = ()
    every: Every | None = None
    when_worse: tuple[str, ...] = ()


class Measure(Declared):
    """`name` is for physios; `called` is what a patient reads: "how your back affects your day"."""

    measure: str
    name: str
    called: str
    licence: Licence
    wording: Wording
    minutes: Number
    layout: Literal["one_by_one", "ticks"] = "one_by_one"
    stem: str = ""
    options: tuple[Option, ...] = ()  # of every item that has none of its own
    items: dict[Key, Item]
    total: Rule
    subscales: dict[str, Rule] = Field(default_factory=dict)
    bands: Bands | None = None
    change: Change | None = None
    schedule: Schedule

    @model_validator(mode="after")
    def _fits_together(self) -> "Measure":
        problems = list(self._unknown())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _unknown(self) -> Iterator[str]:
        for name, rule in self.scores():
            for missing in {*rule.items, *rule.reverse} - set(self.items):
                yield f"the score {name} counts an item {missing} that isn't there"
            if not set(rule.reverse) <= set(rule.items or self.numbered):
                yield f"the score {name} turns round an item that it doesn't count"
        for key, item in self.items.items():
            if item.when and item.when.item not in self.items:
                yield f"item {key} waits for {item.when.item}, which isn't there"
            if item.kind == "choice" and not self.options_of(key):
                yield f"item {key} has nothing to choose from"
        for band in self.bands.list if self.bands else ():
            for name in set(band.ranges) - {"total", *self.subscales}:
                yield f"the band {band.name} looks at {name}, which is no score"

    @property
    def numbered(self) -> tuple[str, ...]:
        """The items whose answers are numbers."""
        return tuple(key for key, item in self.items.items() if item.kind != "words")

    def scores(self) -> Iterator[tuple[str, Rule]]:
        yield "total", self.total
        yield from self.subscales.items()

    def options_of(self, key: str) -> tuple[Option, ...]:
        item = self.items[key]
        return item.options or self.options if item.kind == "choice" else ()

    def points_of(self, key: str, answer: float) -> float:
        """What the scores take of an answer."""
        return next((each.points for each in self.options_of(key) if each.value == answer), float(answer))

    def ends_of(self, key: str) -> Range:
        """The fewest and the most points of an item."""
        item = self.items[key]
        if item.kind == "tick":
            return 0, 1
        points = [each.points for each in self.options_of(key)] or [item.least, item.most]
        return min(points), max(points)

    def without_text(self) -> list[str]:
        """What has no words yet: items, and options ("item=value", or "=value" for those of every item)."""
        missing = [key for key, item in self.items.items() if not item.text.strip()]
        missing += [f"={each.value:g}" for each in self.options if not each.label]
        for key, item in self.items.items():
            missing += [f"{key}={each.value:g}" for each in item.options if not each.label]
        return missing

    @property
    def on(self) -> bool:
        """It has all its words, so it may be asked."""
        return not self.without_text()


class Texts(Declared):
    """What a licensed deployer supplies: NAME.yml in the folder of COACH_MEASURE_TEXTS."""

    measure: str
    licence: str = Field(min_length=10)  # who granted it, to whom, when
    stem: str = ""
    items: dict[Key, str]
    options: dict[Key, str] = Field(default_factory=dict)  # by value, for every item
    options_of: dict[Key, dict[Key, str]] = Field(default_factory=dict)  # by item, then by value


def read(declared: Mapping[str, Any]) -> Measure:
    """Raises pydantic.ValidationError with every problem."""
    return Measure.model_validate(declared)


def with_texts(measure: Measure, texts: Texts) -> Measure:
    """The same with the words put in. Raises ValueError when they don't fit, or something is still without words."""
    if not measure.licence.needed:
        raise ValueError(f"{measure.measure} has its words already")
    strange = [key for key in (*texts.items, *texts.options_of) if key not in measure.items]
    if strange:
        raise ValueError(f"{measure.measure} has no item {', '.join(strange)}")
    items = {
        key: item.model_copy(
            update={
                "text": texts.items.get(key, item.text).strip(),
                "options": _labelled(item.options, texts.options_of.get(key, {})),
            }
        )
        for key, item in measure.items.items()
    }
    options = _labelled(measure.options, texts.options)
    full = measure.model_copy(update={"items": items, "options": options, "stem": texts.stem.strip() or measure.stem})
    options_of_all = [full.options, *(item.options for item in full.items.values())]
    longest = max((each.label for options in options_of_all for each in options), key=len, default="")
    if len(longest) > LONGEST_LABEL:
        raise ValueError(f"the label {longest!r} has {len(longest)} characters: at most {LONGEST_LABEL}")
    if missing := full.without_text():
        raise ValueError(f"{measure.measure} is still without words for {', '.join(missing)}")
    return full


def _labelled(options: tuple[Option, ...], labels: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple(each.model_copy(update={"label": labels.get(f"{each.value:g}", each.label)}) for each in options)
