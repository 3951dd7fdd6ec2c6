"""Sentences nobody on the team wrote: silence on chatter, and advice on clinical talk only where it is due.

nlu/evaluation/real/: CLINC OOS (CC BY 3.0), and back pain turns of MTS-Dialog, ACI-Bench, PriMock57 and an OSCE set
(CC BY 4.0).
"""

from tests.unit.screened import ROOT, action, lines

REAL = ROOT / "nlu" / "evaluation" / "real"

# Read one by one: each describes an emergency of the speaker (both legs, legs that gave out, loss of consciousness).
DESCRIBES_AN_EMERGENCY = (
    "I had weakness in my legs",
    "my legs gave out and I fell",
    "I briefly lost consciousness",
    "radiates down both legs",
)


def test_out_of_scope_chatter_is_met_with_silence() -> None:
    alarmed = [line["text"] for line in lines(REAL / "out_of_scope.jsonl") if action(line["text"]) != "silent"]

    assert alarmed == []


def test_back_pain_talk_gets_advice_only_where_it_describes_an_emergency() -> None:
    advised = [line["text"] for line in lines(REAL / "back_pain_utterances.jsonl") if action(line["text"]) == "advise"]

    unexpected = [text for text in advised if not any(words in text for words in DESCRIBES_AN_EMERGENCY)]

    assert unexpected == []


def test_the_real_emergencies_are_heard() -> None:
    texts = [line["text"] for line in lines(REAL / "back_pain_utterances.jsonl")]

    heard = [
        words for words in DESCRIBES_AN_EMERGENCY if any(words in text and action(text) == "advise" for text in texts)
    ]

    assert heard == list(DESCRIBES_AN_EMERGENCY)


def test_few_real_back_pain_turns_are_asked_about() -> None:
    texts = [line["text"] for line in lines(REAL / "back_pain_utterances.jsonl")]

    asked = [text for text in texts if action(text) == "ask"]

    assert len(asked) / len(texts) <= 0.08, asked


def test_every_real_line_names_its_source_and_licence() -> None:
    for name in ("out_of_scope.jsonl", "back_pain_utterances.jsonl"):
        assert all(line["source"] and line["licence"].startswith("CC-BY") for line in lines(REAL / name))
