"""The words that answers are made of: what counts as yes, which words change no amount, how places are called.

Standard library only, and it also runs on Python 3.10.
"""

# Words that may stand around an amount without changing it. "after", "not" and "more than" do change it.
_AROUND = """
a about actually am and approx approximately are around at be best bit can confidence confident could currently day
days do each er erm every fair feel feeling feels for full give good hello hi hmm i i'd i'll i'm id if ill im in is
it it'll it's its just kind last let let's lets level like make manage maybe me might most my nearly number of ok
okay on only or out pain perhaps please pls point possibly prob probably put rather right roughly said say score so
somewhere sort starting sure tell thank thanks that that's the then think this time times to today today's try um
usually want was well week will with would yeah yep yes you
"""
AROUND = frozenset(_AROUND.split())

NONE = frozenset(
    (
        "none", "nothing", "no", "nil", "zero", "not any", "no pain", "no pain at all", "nothing at all",
        "none at all", "no pain today", "not at all",
    )
)  # fmt: skip

YES = frozenset(
    (
        "yes", "y", "yeah", "yep", "yup", "ye", "ya", "yh", "aye", "sure", "of course", "ok", "okay", "i do",
        "i am", "i have", "i did", "i can", "i agree", "agreed", "that's right", "thats right", "correct",
        "definitely", "absolutely", "go on", "go ahead", "please do", "true", "yes i do", "yes i am",
        "yes i have", "yes i did", "yes i can", "yes i agree", "yes that's right", "yes definitely",
        "yes of course", "i'm afraid so", "yes sometimes", "yes a bit", "yes a little", "i think yes",
    )
)  # fmt: skip

NO = frozenset(
    (
        "no", "n", "nope", "nah", "naw", "never", "not at all", "none", "none of them", "none of these",
        "none of those", "none of that", "false", "i don't", "i dont", "i do not", "i haven't", "i havent",
        "i have not", "i'm not", "im not", "i am not", "i didn't", "i didnt", "no i don't", "no i dont",
        "no i'm not", "no i haven't", "no i didn't", "no none", "no never", "no not at all", "definitely not",
        "no nothing", "nothing", "nothing like that", "no nothing like that", "neither",
    )
)  # fmt: skip

UNSURE = frozenset(
    (
        "unsure", "not sure", "i'm not sure", "im not sure", "i am not sure", "don't know", "dont know",
        "dunno", "idk", "i don't know", "i dont know", "i do not know", "maybe", "possibly", "perhaps",
        "not certain", "can't say", "cant say", "hard to say", "i think so", "i don't think so",
        "i dont think so", "not really", "might be", "no idea", "yes and no", "yes or no", "depends",
        "it depends", "a bit", "a little", "sometimes", "both",
    )
)  # fmt: skip

COURTESY = frozenset(
    ("please", "pls", "thanks", "thank", "you", "ta", "cheers", "um", "er", "erm", "well", "oh", "sorry", "hi", "hello")
)

NATIONS = {
    "england": ("england", "english", "eng"),
    "scotland": ("scotland", "scottish"),
    "wales": ("wales", "welsh", "cymru"),
    "northern_ireland": ("northern ireland", "n ireland", "ni", "ulster"),
}

PLACES = {
    "Europe/London": (
        "uk", "the uk", "britain", "great britain", "united kingdom", "england", "scotland", "wales",
        "northern ireland", "gmt", "bst", "uk time", "yes uk time", "british time", "here",
    ),
    "Europe/Dublin": ("ireland", "irish time"),
}  # fmt: skip
