"""Ways in which a rule of scope, or an exception, could silence a real danger. Each line must still be advised on.

Written by going through every cue and exception and asking: in which true emergency do these words also stand?
"""

import pytest

from tests.unit.screened import action

NOT_A_DENIAL = [
    ("no pain just numb between my legs", "RF01"),
    ("not sleeping, numb between my legs", "RF01"),
    ("no sleep, chest pain all night", "RF09"),
    ("no appetite, numb down below", "RF01"),
    ("I didn't sleep with the chest pain", "RF09"),
    ("I don't feel right, my chest is tight", "RF09"),
    ("no I'm numb between my legs", "RF01"),
    ("I can't sleep because my chest hurts", "RF09"),
    ("haven't told anyone but I can't feel when I wipe", "RF01"),
    ("I don't want to bother you, my foot won't lift", "RF02"),
    ("nothing helps and I want to die", "RF13"),
    ("don't know what's happening, my face has dropped", "RF10"),
    ("I never thought I'd say this but I want to kill myself", "RF13"),
    ("without any warning I wet myself", "RF01"),
    ("slurring my words and I'm not drunk", "RF10"),
]

NOT_SOMEBODY_ELSE = [
    ("the wife is worried about this chest pain", "RF09"),
    ("my husband is away and I'm numb between my legs", "RF01"),
    ("my husband's away, chest pain and sweating", "RF09"),
    ("my mum's driving me mad and I've got chest pain", "RF09"),
    ("mum says to tell you I can't feel when I wipe", "RF01"),
    ("daughter wants me seen, my foot drags", "RF02"),
    ("since my wife died I want to die", "RF13"),
    ("my son found me on the floor, I'd passed out", "RF10"),
    ("took someone else's morphine on top of mine and can't stay awake", "RF15"),
    ("my wife noticed my mouth droops", "RF10"),
    ("the kids would be better off if I wasn't here", "RF13"),
]

NOT_A_QUESTION = [
    ("chest pain and left arm numb?", "RF09"),
    ("numb between legs?", "RF01"),
    ("is pain in chest very strong, call who", "RF09"),
    ("when walking chest tight and sweating", "RF09"),
    ("what do I do, I can't wee at all", "RF01"),
    ("how do I stop this chest pain I'm having", "RF09"),
]

NOT_HYPOTHETICAL = [
    ("I would be grateful for advice, chest pain since this morning", "RF09"),
    ("if I walk fast I get chest pain", "RF09"),
    ("if I get up my chest goes tight", "RF09"),
    ("if I stand my leg gives way", "RF02"),
    ("so I don't sleep and my bits are numb", "RF01"),
    ("I might be wrong but I can't feel when I wipe", "RF01"),
    ("what would you do, my face has dropped", "RF10"),
    ("I could get no sleep, numb between my legs all night", "RF01"),
]

NOT_REPORTED = [
    ("the doctor told me to rest but I can't wee", "RF01"),
    ("they told me to wait, I've got chest pain now", "RF09"),
    ("the gp told me not to worry about the numbness between my legs", "RF01"),
    ("nurse asked if I had chest pain and I said yes", "RF09"),
    ("the leaflet says ring you, my foot won't lift", "RF02"),
    ("I read about it and I'm numb down below", "RF01"),
]

NOT_PAST = [
    ("when I was in the shower my chest went tight", "RF09"),
    ("when I was on my walk I passed out", "RF10"),
    ("when I was 15 minutes into my walk my chest went tight", "RF09"),
    ("I'm not used to this chest pain", "RF09"),
    ("I've had back pain for years and I can't feel when I wipe", "RF01"),
    ("hurt my back in 2015 and now I'm numb between my legs", "RF01"),
    ("since my op in 2019 I've been fine, today my leg gave way", "RF02"),
    ("I've had sciatica for years but both legs are numb now", "RF01"),
    ("back is much better now but I wet myself without feeling it", "RF01"),
]

NOT_EXCUSED = [
    ("wet myself having my tea and didn't feel it", "RF01"),
    ("pooed myself feeding the baby, didn't even feel it go", "RF01"),
    ("both legs numb and I'm so tired", "RF01"),
    ("both legs tingling, stiff back too", "RF01"),
    ("my leg gave way after my walk", "RF02"),
    ("foot started dropping after the gym", "RF02"),
    ("can't wee even with my water tablets", "RF01"),
    ("chest pain, I thought it was my bra", "RF09"),
    ("sudden terrible pain in my tummy and back and I've been sick", "RF07"),
    ("doing my exercises, sudden awful pain in my belly and back", "RF07"),
    ("faint and clammy with the back pain on my walk", "RF07"),
    ("calf swollen and hot since the op, hurts to walk", "RF08"),
    ("suddenly can't breathe and I've got a cold", "RF10"),
    ("passed out in front of the telly and fell off the sofa", "RF10"),
    ("I was watching a film and my face dropped", "RF10"),
    ("my arm went dead at the gym and my words are muddled", "RF10"),
    ("he pushed me over on the stairs at home and he hits me", "RF17"),
    ("took 12 paracetamol with my tea", "RF15"),
    ("had 20 paracetamol, bought them today", "RF15"),
    ("can I take more, I've already had 12 paracetamol today", "RF15"),
    ("the phone battery died and I want to die too", "RF13"),
    ("I want to die, this back is killing me lol", "RF13"),
    ("can't do my exercises, I'm going to kill myself", "RF13"),
    ("laughing about it but I've been cutting myself", "RF13"),
]


@pytest.mark.parametrize(
    ("text", "risk"),
    NOT_A_DENIAL + NOT_SOMEBODY_ELSE + NOT_A_QUESTION + NOT_HYPOTHETICAL + NOT_REPORTED + NOT_PAST + NOT_EXCUSED,
)
def test_words_round_a_real_danger_do_not_silence_it(text: str, risk: str) -> None:
    assert action(text, risk) == "advise"


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("the numbness between my legs started three months ago", "RF01"),
        ("my foot has been floppy since 2003", "RF02"),
        ("in november I got chest pain on the hill", "RF09"),
        ("had numbness in my saddle area two months ago", "RF01"),
        ("passed out on the hill but fine now", "RF10"),
    ],
)
def test_an_unclear_time_is_at_least_asked_about(text: str, risk: str) -> None:
    assert action(text, risk) in ("ask", "advise")
