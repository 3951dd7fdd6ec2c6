"""Lines that sound like a danger and are none, by family of wording, and the dangers that stand closest to each.

Families, not sentences: what ended long ago, what is denied, what a thing does, turns of phrase. Each table of near
misses is followed by its counterpart: the same words where they are a danger, which must still be heard.
"""

import pytest

from tests.unit.screened import action

SETTLED_LONG_AGO = [
    "couldn't lift my foot for three months when I was 30, been strong ever since",
    "my leg gave way once at uni playing netball. nothing since and that's 15 years",
    "got knocked out playing rugby in 1995, nowt wrong with me now",
    "I had the full works in 2016, numb saddle, couldn't wee, they operated and I'm right as rain down there now",
    "had septicaemia in 1999, three weeks in intensive care, and right as ninepence ever since",
    "numb underneath for a week after the epidural. Fourteen years ago, no trace of it",
    "shaking with a temperature and my back on fire, that was me in Malta in 1988, cleared with penicillin",
    "I'd a mini stroke the year we moved, arm went limp, back to rights inside the day and nothing since",
    "leg gave out coming down Snowdon in my twenties, had it sorted and went back up the next year",
]


@pytest.mark.parametrize("text", SETTLED_LONG_AGO)
def test_what_ended_long_ago_is_no_alarm(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    "text",
    [
        "black tarry poo put me in the Royal in 1998 and they fixed it",
        "thrown from a horse at fourteen and cracked two vertebrae",
        "I tried to end my life when I was 19, thirty years ago, and I'm so glad I didn't",
        "my ex used to lock me in and take my wages, I got out in 2008 and never looked back",
    ],
)
def test_a_dated_story_is_asked_about_at_most(text: str) -> None:
    assert action(text) in ("ask", "silent")


STILL_OF_TODAY = [
    ("had a heart attack in 2012. Chest tight and sweating", "RF09"),
    ("years ago I had a stent, fine ever since, but today my chest is tight", "RF09"),
    ("chest is tight on every hill. Years ago I had a stent and I've been fine since", "RF09"),
    ("had cauda equina in 2018, all sorted, and now it's going numb again between my legs", "RF01"),
    ("I used to cut myself and last night I did it again", "RF13"),
    ("broke my back in 2015 and woke up today with both legs numb", "RF01"),
    ("I had thyroid cancer, two years clear, but there's a new pain in my spine every night", "RF03"),
    ("by the time I got up this morning my face had dropped", "RF10"),
    ("numb between my legs since 2019 and getting worse", "RF01"),
    ("I lost it in 2018 and took a load of pills. Took a load of pills again this morning", "RF15"),
]


@pytest.mark.parametrize(("text", "risk"), STILL_OF_TODAY)
def test_an_old_story_does_not_hush_todays_danger(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "didn't bang my head or pass out",
        "the pain isn't in my chest or arm, it's low down",
        "the cut from my op healed lovely, no redness or oozing",
        "nobody stops me going anywhere",
        "not one drop of blood in this whole pregnancy",
        "my mother keeps asking have I blacked out and I keep telling her no",
        "treadmill test passed, heart of an ox he said, chest pain ruled out",
        "numb down below, can't wee: I've read the card and none of it applies to me",
        "I don't want to die, I want to dance at my daughter's wedding",
    ],
)
def test_a_denial_is_heard_in_its_other_shapes(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("didn't eat or sleep, chest pain all night", "RF09"),
        ("there's nothing I can do, my foot won't lift", "RF02"),
        ("nobody knows but I wet myself", "RF01"),
        ("nobody's here and I've got chest pain", "RF09"),
        ("wet myself, I never had that before", "RF01"),
        ("numb down below and I don't have any feeling when I wipe", "RF01"),
        ("he asked was I numb down below. Yes, since Friday", "RF01"),
        ("they asked was I numb down below and I said no but now I am numb", "RF01"),
        ("weeing pink, no beetroot", "RF11"),
    ],
)
def test_a_denial_of_something_else_denies_nothing(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "the tap in the bathroom's leaking and I can't stop it, plumber's coming at 4",
        "a picture fell off the wall and smashed",
        "when the old boiler collapsed we were without heat for a week",
        "water went off in the whole street so couldn't use the toilet all afternoon",
        "my stomach muscles feel hard after every plank",
    ],
)
def test_what_a_thing_does_is_nobodys_danger(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("the cupboard fell on me and I can't move my legs", "RF04"),
        ("got off the bus and fainted", "RF10"),
        ("stood at the kitchen sink and my leg gave way", "RF02"),
        ("my phone was in my hand when my face dropped", "RF10"),
        ("my waters have broken", "RF12"),
        ("32 weeks and there's water coming out", "RF12"),
    ],
)
def test_a_thing_nearby_takes_no_danger_from_the_patient(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    "text",
    [
        "I'll love that dog until I die",
        "Chelsea supporter till the day I die",
        "I'd jump off a cliff before I ate kale",
        "out cold by nine o'clock, best sleep in weeks",
        "couldn't get my words out, I was that proud of her",
        "I've overdosed on parkin, our lass bakes it every bonfire night",
        "that playlist gives me actual chills, spine tingling stuff",
        "the kids are starving, they've only had two dinners",
        "kids haven't eaten their sprouts",
        "my grandson hit me with a pillow, giggling",
    ],
)
def test_a_turn_of_phrase_is_no_alarm(text: str) -> None:
    assert action(text) == "silent"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("counting the days until I die", "RF13"),
        ("I want to be dead", "RF13"),
        ("overdosed on my tramadol", "RF15"),
        ("I've overdosed", "RF15"),
        ("right arm's gone dead and I can't find my words", "RF10"),
        ("my kids are hungry, they've had nothing since yesterday", "RF18"),
        ("the baby's asleep but I left her on her own in the house", "RF18"),
        ("at the end of my tether and can't stop crying", "RF14"),
        ("shivering with chills and my spine is on fire", "RF05"),
    ],
)
def test_the_same_words_meant_are_heard(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"
