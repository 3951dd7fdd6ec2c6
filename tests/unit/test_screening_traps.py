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


IN_A_TURN_OF_PHRASE = [
    ("dont tell my wife but i want to die", "RF13"),
    ("I know I've got the kids but I can't see the point of being alive", "RF13"),
    ("everyone says I'm lucky but I wish I was dead", "RF13"),
    ("I laugh at work and go home and plan how to kill myself", "RF13"),
    ("since dad died I want to be with him, I want to die", "RF13"),
    ("I was joking before but I do want to end my life", "RF13"),
    ("not going to lie I've thought about suicide", "RF13"),
    ("I'm not eating, not sleeping and I don't want to be here", "RF13"),
    ("the gp asked if I was suicidal and I lied, I am", "RF13"),
    ("if I had a gun I'd use it on myself", "RF13"),
    ("took my tablets all of them at once to end it", "RF13"),
    ("had 10 paracetamol, the pack of 16 was on offer", "RF15"),
    ("I've had about twelve of my mum's codeine", "RF15"),
    ("is it bad that I took 20 paracetamol?", "RF15"),
    ("my husband says I should tell you I took 14 ibuprofen", "RF15"),
    ("took my morphine and had a few glasses of wine and I'm really drowsy", "RF15"),
    ("I accidentally had two lots of my morphine this morning", "RF15"),
    ("my chest hurts but it's probably just wind", "RF09"),
    ("it's probably nothing, bit of chest pain when walking", "RF09"),
    ("got home from work, sat down, crushing pain in my chest", "RF09"),
    ("chest pain again, doctor knows I have angina but this is worse", "RF09"),
    ("my dad had heart trouble and now I've got chest pain", "RF09"),
    ("I've had a chest infection but now there's a crushing pain in my chest", "RF09"),
    ("I don't want to be a nuisance but half my face has dropped", "RF10"),
    ("I was fine then I passed out doing the dishes", "RF10"),
    ("my granddaughter says my speech is slurred", "RF10"),
    ("fell off my chair and hit my head, been vomiting", "RF10"),
    ("I can't breathe properly, not a cold", "RF10"),
    ("physio says it's just sciatica but I can't feel when I wee", "RF01"),
    ("no problem with my bowels but I can't feel myself wee", "RF01"),
    ("I've not got any leg pain, I've just got a numb fanny", "RF01"),
    ("it's not that I'm incontinent but I leak and don't notice", "RF01"),
    ("haha this is silly but my bum and bits are numb", "RF01"),
    ("my leg is fine, my back is fine, but between my legs is numb", "RF01"),
    ("after the baby I was fine but this week I can't feel when I wipe", "RF01"),
    ("the numbness between my legs hasn't gone", "RF01"),
    ("I still haven't got feeling back between my legs", "RF01"),
    ("I can feel when I wipe but not when I wee", "RF01"),
    ("no feeling in my privates, no control of my wee", "RF01"),
    ("my leg isn't weak, it's just that my foot won't lift", "RF02"),
    ("no pain now but my foot is floppy", "RF02"),
    ("it's not sore, it just gives way, my left leg", "RF02"),
    ("my physio knows about my leg but now it's getting weaker", "RF02"),
    ("I thought it was wind but it's a ripping pain in my tummy and back", "RF07"),
    ("came over faint with the pain in my back, husband called the doctor", "RF07"),
    ("no chest pain but I'm coughing up blood", "RF08"),
    ("calf's swollen and hot, not from football", "RF08"),
    ("he doesn't hit me every day but he hits me", "RF17"),
    ("she's lovely mostly but she pushed me down the stairs", "RF17"),
    ("please don't tell anyone my husband hits me", "RF17"),
    ("I didn't mean to hurt my little boy, I hit him", "RF18"),
    ("I can't cope any more and I can't stop crying", "RF14"),
    ("I've got a temperature of 39 and my back is agony", "RF05"),
    ("fell off the ladder this morning, back's agony", "RF04"),
    ("car crash last night and my back hurts", "RF04"),
    ("I'm 30 weeks pregnant and I'm bleeding", "RF12"),
    ("vomiting blood since this morning", "RF11"),
]

# The exceptions of the families of expression.
IN_A_FAMILY = [
    ("it was raining outside and I wet myself on the bus", "RF01"),
    ("saw a sad film and I want to die", "RF13"),
    ("since my dog died I want to die too", "RF13"),
    ("I'm at work thinking about jumping off the bridge", "RF13"),
    ("on holiday and I keep thinking of killing myself", "RF13"),
    ("the kids are at school and I've cut my wrists on purpose", "RF13"),
    ("my chest went tight carrying the shopping", "RF09"),
    ("chest pain after the gym and down my left arm", "RF09"),
    ("at a wedding and my face has dropped on one side", "RF10"),
    ("my husband has collapsed at work in front of me and isn't breathing, what do I do", "RF10"),
    ("my leg gave way coming out of a concert and it's weaker now", "RF02"),
    ("legs like jelly, can't stand, nothing to do with the gym", "RF02"),
    ("the doctor doubled my morphine and I took it twice by mistake", "RF15"),
    ("had my dosette box and took all of Tuesday and Wednesday together", "RF15"),
    ("had a curry and then sudden tearing pain in my tummy and back, gone grey", "RF07"),
]


@pytest.mark.parametrize(
    ("text", "risk"),
    NOT_A_DENIAL
    + NOT_SOMEBODY_ELSE
    + NOT_A_QUESTION
    + NOT_HYPOTHETICAL
    + NOT_REPORTED
    + NOT_PAST
    + NOT_EXCUSED
    + IN_A_TURN_OF_PHRASE
    + IN_A_FAMILY,
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
