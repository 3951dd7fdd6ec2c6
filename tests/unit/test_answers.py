"""What counts as an answer: by kind, with words around it, and what is asked again instead of guessed."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.coaching import answers
from bot.coaching.amounts import amounts, durations, times
from bot.settings import ROOT

OPTIONS = {"save": ["yes, save it", "yes"], "change": ["change something", "edit"], "stop": ["don't save it", "no"]}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("scale", "6", 6),
        ("scale", "six", 6),
        ("scale", "6/10", 6),
        ("scale", "six out of ten", 6),
        ("scale", "my pain is 7 today", 7),
        ("scale", "about a 4 i'd say", 4),
        ("scale", "no pain", 0),
        ("scale", "None", 0),
        ("scale", "10", 10),
        ("number", "twenty-five", 25),
        ("number", "2.5", 2.5),
        ("number", "a hundred", 100),
        ("minutes", "20", 20),
        ("minutes", "ten mins", 10),
        ("minutes", "half an hour", 30),
        ("minutes", "three quarters of an hour", 45),
        ("minutes", "an hour", 60),
        ("minutes", "1h 20", 80),
        ("minutes", "1 hour 15 minutes", 75),
        ("minutes", "an hour and a half", 90),
        ("minutes", "1.5 hours", 90),
        ("minutes", "two and a half hours", 150),
        ("minutes", "a couple of hours", 120),
        ("minutes", "20 minutes, 3 times a week", 20),
        ("minutes", "none", 0),
        ("days", "mon and Thursday please", "Monday, Thursday"),
        ("days", "Thursdays and Mondays", "Monday, Thursday"),
        ("days", "Mon-Fri", "Monday, Tuesday, Wednesday, Thursday, Friday"),
        ("days", "fri to mon", "Monday, Friday, Saturday, Sunday"),
        ("days", "weekends", "Saturday, Sunday"),
        ("days", "sat and sun", "Saturday, Sunday"),
        ("time", "half past six", "18:30"),
        ("time", "half six", "18:30"),
        ("time", "6.30 pm", "18:30"),
        ("time", "18:00", "18:00"),
        ("time", "06:30", "06:30"),
        ("time", "quarter to eight in the evening", "19:45"),
        ("time", "9 am", "09:00"),
        ("time", "7", "07:00"),
        ("time", "6", "18:00"),
        ("time", "noon", "12:00"),
        ("day_or_time", "Mondays at 6pm", "Monday 18:00"),
        ("day_or_time", "6 pm", "18:00"),
        ("yes_no_unsure", "Yes please", "yes"),
        ("yes_no_unsure", "aye", "yes"),
        ("yes_no_unsure", "👍", "yes"),
        ("yes_no_unsure", "no thanks", "no"),
        ("yes_no_unsure", "None of those.", "no"),
        ("yes_no_unsure", "I’m not sure", "unsure"),
        ("yes_no_unsure", "I think so", "unsure"),
        ("yes_no_unsure", "a bit", "unsure"),
        ("invitation_code", "ABCD-EFGH-JKMN", "ABCD-EFGH-JKMN"),
        ("invitation_code", "my code is abcd efgh jkmn", "ABCD-EFGH-JKMN"),
        ("invitation_code", "abcdefghjkmn", "ABCD-EFGH-JKMN"),
        ("nation", "I live in Wales", "wales"),
        ("nation", "Northern Ireland", "northern_ireland"),
        ("time_zone", "UK time", "Europe/London"),
        ("time_zone", "London", "Europe/London"),
        ("time_zone", "I'm in Madrid", "Europe/Madrid"),
        ("time_zone", "new york", "America/New_York"),
    ],
)
def test_an_answer_is_read_in_its_canonical_form(kind, text, value):
    assert answers.read({"kind": kind}, text) == value
    assert answers.shape({"kind": kind}, text) == "shaped"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("scale", "5 or 6"),  # two numbers: the patient chooses
        ("scale", "6.5"),
        ("number", "2,5"),
        ("scale", "banana"),
        ("minutes", "10-15 minutes"),
        ("minutes", "10 to 15 minutes"),
        ("minutes", "ten or fifteen minutes"),
        ("minutes", "after tea"),
        ("minutes", "a bit"),
        ("days", "I sat down in the sun"),
        ("days", "soon"),
        ("time", "after tea"),
        ("time", "between 6 and 7"),
        ("yes_no_unsure", "yes but not at night, and no at work"),
        ("yes_no_unsure", "6"),
        ("invitation_code", "hello there everyone"),
        ("invitation_code", "what code is that"),
        ("nation", "UK"),
        ("time_zone", "Mars"),
        ("text", "…"),
        ("text", "🙂"),
    ],
)
def test_what_is_vague_or_double_is_no_answer(kind, text):
    assert answers.find({"kind": kind}, text) is None
    assert answers.shape({"kind": kind}, text) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("minutes", "my back is sore when I stop after 5 minutes", 5),
        ("minutes", "I could do 20 minutes round the park", 20),
        ("scale", "it was a 6 after the garden", 6),
        ("days", "every day except Sunday", "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday"),
        ("day_or_time", "after breakfast", "after breakfast"),
        ("text", "  walk\nwith my dog ", "walk with my dog"),
    ],
)
def test_an_answer_among_other_words_is_open(kind, text, value):
    spec = {"kind": kind}

    assert (answers.read(spec, text), answers.find(spec, text), answers.shape(spec, text)) == (None, value, "open")


@pytest.mark.parametrize(
    ("text", "value", "shape"),
    [
        ("Yes, save it!", "save", "shaped"),
        ("edit", "change", "shaped"),
        ("save", "save", "shaped"),
        ("no", "stop", "shaped"),
        ("I'd like to change something about the days", "change", "open"),
        ("yes or no", None, None),
        ("banana", None, None),
    ],
)
def test_a_choice_is_found_by_its_words(text, value, shape):
    spec = {"kind": "choice", "options": OPTIONS}

    assert (answers.find(spec, text), answers.shape(spec, text)) == (value, shape)


def test_options_named_yes_and_no_survive_a_yaml_reader_that_makes_booleans_of_them():
    spec = {"kind": "choice", "options": {True: ["aye"], False: [False, "nae"]}}

    assert [answers.find(spec, text) for text in ("aye", "yes", "nae", "no")] == ["yes", "yes", "no", "no"]


def test_an_unknown_kind_is_a_mistake_in_the_content():
    with pytest.raises(ValueError, match="minuets"):
        answers.find({"kind": "minuets"}, "20")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20 minutes on Monday at 6pm, pain 3/10", ["20 minutes", "Monday", "6pm", "3/10"]),
        ("I walked for half an hour", ["half an hour"]),
        ("half past six", ["half past six"]),
        ("I can't feel when I wipe", []),
        ("I have had this since 1998", ["1998"]),
    ],
)
def test_amounts_are_found_where_they_stand(text, found):
    assert [text[each.start : each.end] for each in amounts(text)] == found


@given(st.integers(1, 600))
def test_minutes_read_back_as_they_were_written(minutes):
    hours, rest = divmod(minutes, 60)
    written = [f"{minutes}", f"{minutes} min", f"{hours} h {rest} min" if hours and rest else f"{minutes} minutes"]

    assert [answers.read({"kind": "minutes"}, text) for text in written] == [minutes] * 3


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_clock_time_reads_back_as_it_was_written(hour, minute):
    written = f"{hour:02d}:{minute:02d}"

    assert [each.value for each in times(written)] == [written]


@given(st.text(max_size=200), st.sampled_from(sorted(answers.KINDS)))
def test_no_text_breaks_a_reader_and_what_is_read_is_also_found(text, kind):
    spec = {"kind": kind, "options": OPTIONS}

    read, found = answers.read(spec, text), answers.find(spec, text)

    assert read is None or read == found
    assert durations(text) == sorted(durations(text), key=lambda each: each.start)


def test_rasas_python_reads_amounts_the_same_way():
    script = (
        "from bot.coaching import answers; "
        "print([answers.read({'kind': 'minutes'}, t) for t in ('1h 20', 'half an hour')], "
        "answers.read({'kind': 'time'}, 'half past six'))"
    )
    there = subprocess.run(
        [ROOT / "nlu" / ".venv" / "bin" / "python", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert there.stdout.strip() == "[80, 30] 18:30"


def test_words_that_skip_a_question_are_an_answer_and_nothing_else() -> None:
    spec = {"kind": "text", "skip_words": ["dunno"]}

    assert [answers.shape(spec, text) for text in ("Dunno.", "dunno, a walk maybe")] == ["shaped", "open"]
