"""What stands round a symptom: who has it, when, and whether it is denied, feared, reported or asked about.

Every test is per symptom: "no numbness but I wet myself" denies the first and not the second. When in doubt a test
fails, so that the symptom counts. Source: clinical.md §4.1 (frame, near misses), §5.2.
"""

from collections.abc import Sequence

from bot.coaching.clauses import Clauses, Span

CIRCUMSTANCES = (
    "negated",
    "other",
    "thing",
    "idiom",
    "resolved",
    "long_standing",
    "hypothetical",
    "worried",
    "reported",
    "question",
    "is_it_normal",
    "past",
    "past_unclear",
    "settled",
    "dated",
)
_LIST_ENDS_WITHIN = 6  # words after the symptom in which a list has its "or"
_TOPIC_ENDS_WITHIN = 4  # words between a symptom and the end of the sentence that only names it
_AFTER_A_DENIAL = (".", ",", ";", "!", "at", "thanks", "thankfully")
_LONGEST_SUBJECT = 4  # words from "the" to the thing: "the old kitchen tap"
_OWN_STORY_WITHIN = 6  # words after "years ago" in which "I" begins a story of its own
_FOLLOWS_WITHIN = 2  # words between a symptom and what denies it
_OVER = ("settled", "absent_for", "resolved", "past", "since_then")  # cues in which "now" or "since" tells of an end
_NEXT_TO = 4  # most words between "if I get" and what is imagined


def circumstances(message: Clauses, hits: Sequence[Span]) -> set[str]:
    """What lowers the weight of these words."""
    whole = min(hit[0] for hit in hits), max(hit[1] for hit in hits)
    tests = {
        "negated": _is_negated(message, hits)
        or any(_is_denied_afterwards(message, span) for span in (whole, *hits))
        or _is_denied_by_what_follows(message, whole),
        "other": _belongs_to_someone_else(message, whole, hits),
        "thing": _belongs_to_a_thing(message, whole, hits),
        "idiom": _is_a_turn_of_phrase(message, hits),
        "resolved": _is_resolved(message, whole),
        "long_standing": _is_long_standing(message, whole),
        "hypothetical": _is_imagined(message, whole),
        "worried": _is_feared(message, whole),
        "reported": _is_reported(message, whole),
        "question": _is_general_question(message, whole),
        "is_it_normal": _is_asked_if_normal(message, whole),
    }
    return {name for name, holds in tests.items() if holds} | _time(message, whole)


# denied


def _is_negated(message: Clauses, hits: Sequence[Span]) -> bool:
    """A danger that is put together from several words needs them all: one denied is enough."""
    kept = [*hits, *message.cues("not_negation")]
    denials = [
        cue for cue in message.cues("negation") if not any(first < cue[1] and cue[0] < last for first, last in kept)
    ]
    return any(
        end <= hit[0]
        and hit[0] - end <= message.reach("negation")
        and message.same_sentence(start, hit[0])
        and _carries(message, end, hit[0])
        for start, end in denials
        for hit in hits
    )


def _carries(message: Clauses, start: int, end: int) -> bool:
    """Whether a "no" or "not" that ends at `start` is about the symptom at `end`.

    It is when only small words stand between ("no sign of any numbness", "not had any"), or when an "or" takes the
    denial on ("didn't hit my head or pass out"). A comma is crossed in a list that says "or" or "nor". Any other word
    between means that something else is denied: "didn't sleep with the chest pain", "no appetite, numb down below".
    """
    between = message.tokens[start:end]
    if message.tokens[start - 1] == "no" and between and between[0] in message.words["self"]:
        return False  # "no I'm numb": an answer, not a denial
    if not _is_carried(message, between):
        joint = max((place for place, token in enumerate(between) if token in ("or", "nor")), default=None)
        return joint is not None and _is_one_list(message, start, start + joint, end)
    return "," not in between or any(
        token in ("or", "nor") for token in message.tokens[start : end + _LIST_ENDS_WITHIN]
    )


def _is_carried(message: Clauses, between: Sequence[str]) -> bool:
    return all(token in message.words["carries_negation"] for token in between)


def _is_one_list(message: Clauses, start: int, joint: int, end: int) -> bool:
    """ "Didn't hit my head or pass out": nothing between begins a statement of its own."""
    before, after = message.tokens[start:joint], message.tokens[joint + 1 : end]
    return _is_carried(message, after) and not any(
        token in message.words["clause_breaks"] or token in ("i", "and") for token in before
    )


def _is_denied_afterwards(message: Clauses, span: Span) -> bool:
    """ "Numbness? No.", "chest pain: none", and a topic in a sentence of its own: "Suicidal thoughts. No."."""
    tokens, place = message.tokens, span[1]
    _first, last = message.sentence_of(place - 1)
    ends: tuple[str, ...] = _AFTER_A_DENIAL
    if place < last < len(tokens) and last - place <= _TOPIC_ENDS_WITHIN:
        if _is_asked_about(message, span, last):
            place = last
        elif not message.has_any(message.sentence_of(place - 1), "self"):
            place, ends = last, (".",)  # "Chest pain. No, I'm not joking" is no answer
    while place < len(tokens) and tokens[place] in ("?", ":", ",", "is", "was", "at", "all"):
        place += 1
    if place >= len(tokens) or place == span[1] or tokens[place] not in message.words["denials"]:
        return False
    if tokens[place] == "nothing" and tokens[place - 1] == "," and tokens[place + 1 : place + 2] != ["like"]:
        return False  # "a tight chest, probably nothing"
    if " ".join(tokens[place : place + 3]) in message.words["whole_denials"]:
        return True
    return place + 1 >= len(tokens) or tokens[place + 1] in ends


def _is_denied_by_what_follows(message: Clauses, span: Span) -> bool:
    """ "Foot drop I've been spared", "chest pain ruled out"; and of a whole list, later: "none of it applies"."""
    if any(start >= span[1] for start, _end in message.cues("denied_all")):
        return True
    kept = message.cues("not_negation")
    return any(
        0 <= start - span[1] <= _FOLLOWS_WITHIN
        and message.same_sentence(start, span[1] - 1)
        and not any(first < end and start < last for first, last in kept)
        for start, end in message.cues("denied_after")
    )


def _is_asked_about(message: Clauses, span: Span, last: int) -> bool:
    """The sentence asks, or says that it was asked: what follows is the answer."""
    first = message.sentence_of(span[0])[0]
    return message.tokens[last - 1] == "?" or any(first <= start < span[0] for start, _end in message.cues("reported"))


# whose


def _belongs_to_someone_else(message: Clauses, span: Span, hits: Sequence[Span]) -> bool:
    """The nearest person before the symptom, in its clause, has it; with nobody there it is the writer's own."""
    place = span[1] - 1
    while place >= 0:
        token = message.tokens[place]
        if place < span[0] and message.breaks_after(place):
            return False
        part_of_symptom = any(start <= place < end for start, end in hits)  # "numb in the woman's area"
        pronoun = token in message.words["pronouns_of_others"]
        if pronoun or (token in message.words["others"] and not part_of_symptom):
            if pronoun or not _is_only_mentioned(message, place):
                return True
            place = _first_word_of(message, place)
        elif token in message.words["self"] and not (place < span[0] and _is_a_place(message, place)):
            return False
        place -= 1
    return False


def _belongs_to_a_thing(message: Clauses, span: Span, hits: Sequence[Span]) -> bool:
    """ "The tap's leaking", "a picture fell down": the nearest one before the words, in their clause, is no person.

    "The cupboard fell on me" is about the writer, and in "got off the bus and fainted" the bus does nothing.
    """
    if message.has_any(span, "self"):
        return False
    for place in range(span[1] - 1, -1, -1):
        token = message.tokens[place]
        if place < span[0] and message.breaks_after(place):
            return False
        if token in message.words["self"] and not (place < span[0] and _is_of_a_thing(message, place)):
            return False
        part_of_symptom = any(start <= place < end for start, end in hits)
        if token in message.words["things"] and not part_of_symptom and _is_a_subject(message, place):
            return True
    return False


def _is_a_subject(message: Clauses, place: int) -> bool:
    """ "The kitchen tap …", "when the tap …", "a tap that …"; but not "off the tap"."""
    if message.tokens[place + 1 : place + 2] in (["that"], ["which"]):
        return True
    first = place
    while first > 0 and message.tokens[first - 1] in message.words["things"]:
        first -= 1
    before = range(first - 1, max(first - _LONGEST_SUBJECT, -1), -1)
    first = min((other for other in before if message.tokens[other] in message.words["determiners"]), default=first)
    opens = first == 0 or not message.same_clause(first - 1, first)
    return opens or message.tokens[first - 1] in message.words["before_a_subject"]


def _is_of_a_thing(message: Clauses, place: int) -> bool:
    """ "My phone", "our old boiler": this "my" only says whose thing it is."""
    return message.tokens[place] in ("my", "our") and any(
        token in message.words["things"] for token in message.tokens[place + 1 : place + 3]
    )


def _is_a_turn_of_phrase(message: Clauses, hits: Sequence[Span]) -> bool:
    return any(first < end and start < last for first, last in message.cues("idiom") for start, end in hits)


def _is_only_mentioned(message: Clauses, place: int) -> bool:
    """ "I told my husband", "mum says", "someone else's tablets": it isn't their symptom."""
    following = message.tokens[place + 1 : place + 4]
    if following[:1] == ["else"] or any(token in message.words["speaks_or_acts"] for token in following):
        return True
    first = _first_word_of(message, place)
    return first > 0 and message.tokens[first - 1] in message.words["aimed_at"]


def _is_a_place(message: Clauses, place: int) -> bool:
    """ "A patient on my ward": this "my" says nothing about who has it."""
    before = message.tokens[place - 1] if place else ""
    return message.tokens[place] in ("my", "our") and before in ("on", "at", "in", "of", "from")


def _first_word_of(message: Clauses, place: int) -> int:
    first = place
    while first > 0 and place - first < 3 and message.tokens[first - 1] in message.words["determiners"]:
        first -= 1
    return first


# when


def _time(message: Clauses, span: Span) -> set[str]:
    """Past in its own words; or a story of long ago, which is `settled` when it says so and `dated` when it may be.

    "Settled" is told with its end: "couldn't lift my foot in 2009. All came back".
    """
    found = set()
    clauses = message.clauses_of(span)
    if _is_past(message, span) and not _is_recent(message, span):
        found.add("past_unclear" if _stands_in(message, "present", clauses) else "past")
    if _stands_in(message, "present_tense", clauses):
        return found
    told, today = _is_told(message, span), _days_of_today(message)
    if today:
        dated_itself = _stands_in(message, "past", clauses) and not today & clauses
        return found | {"dated"} if told and dated_itself else found
    ended = any(start >= span[1] for start, _end in message.cues("settled"))
    long_ago = _is_long_ago(message, span)
    if _has_stayed_away(message, span) or (ended and long_ago):
        found.add("settled")
    elif told and (ended or long_ago or _names_a_past(message)):
        found.add("dated")
    return found


def _stands_in(message: Clauses, cue: str, clauses: set[int]) -> bool:
    return any(message.clause_of(start) in clauses for start, _end in message.cues(cue))


def _has_stayed_away(message: Clauses, span: Span) -> bool:
    """ "Not once in twenty years"."""
    return any(start < span[1] or message.same_sentence(start, span[0]) for start, _end in message.cues("absent_for"))


def _names_a_past(message: Clauses) -> bool:
    """A date of long ago anywhere, and nothing in the present tense."""
    return not message.cues("present_tense") and any(
        not start or message.tokens[start - 1] not in message.words["no_past_after"]
        for start, _end in message.cues("past")
    )


def _is_told(message: Clauses, span: Span) -> bool:
    """In the past tense."""
    words = [message.tokens[place] for place in message.places_in(message.clauses_of(span))]
    endings = tuple(message.words["past_endings"])
    return any(word in message.words["past_tense"] or (len(word) > 4 and word.endswith(endings)) for word in words)


def _days_of_today(message: Clauses) -> set[int]:
    """The clauses with a word of these days, or of a return; "fine now" is about the end of it."""
    over = [span for name in _OVER for span in message.cues(name)]
    return {
        message.clause_of(start)
        for name in ("recent", "returned")
        for start, end in message.cues(name)
        if not any(first < end and start < last for first, last in over)
    }


def _is_long_ago(message: Clauses, span: Span) -> bool:
    """Dated before the symptom, beside it, or after it in a sentence that speaks of it: "that was in 2009, …"."""
    if _is_past(message, span):
        return True
    return any(
        (end <= span[0] or (start >= span[1] and _refers_back(message, start)))
        and not (start and message.tokens[start - 1] in message.words["no_past_after"])
        for start, end in message.cues("past")
    )


def _refers_back(message: Clauses, start: int) -> bool:
    """ "That was years ago", "Fourteen years ago, no trace of it"; but not "Years ago I had a stent"."""
    first, last = message.sentence_of(start)
    opening = message.tokens[first:start]
    clause = [message.tokens[place] for place in message.places_of_clause(start)]
    told = clause[1:] if clause[0] == "," else clause
    if told[0] in message.words["points_back"] and told[1:2] and told[1] in message.words["past_tense"]:
        return True  # "…, that was me in Malta in 1988"
    if any(token not in message.words["refers_back"] for token in opening):
        return False
    return bool(opening) or not message.has_any((start, min(start + _OWN_STORY_WITHIN, last)), "self")


def _is_past(message: Clauses, span: Span) -> bool:
    clauses = message.clauses_of(span)
    neighbours = {min(clauses) - 1, max(clauses) + 1}
    for start, _end in message.cues("past"):
        if not message.same_sentence(start, span[0]):
            continue
        if start and message.tokens[start - 1] in message.words["no_past_after"]:
            continue  # "never had this before" is about now, and so is "since 2019"
        clause = message.clause_of(start)
        if clause in clauses or (clause in neighbours and _is_short_or_opening(message, start)):
            return True
        if start - message.sentence_of(start)[0] <= 1 and not message.is_contrasted(start, span[0]):
            return True  # "Years ago, in my first job, on a ladder, I …"
    return False


def _is_recent(message: Clauses, span: Span) -> bool:
    """ "Fine now" is about the end of it, not about its beginning."""
    ended = [*message.cues("resolved"), *message.cues("past")]
    return any(
        message.same_sentence(start, span[0]) and not any(first < end and start < last for first, last in ended)
        for start, end in message.cues("recent")
    )


def _is_short_or_opening(message: Clauses, start: int) -> bool:
    """ "Years ago, I was numb" and "I was numb, that was years ago"."""
    places = message.places_of_clause(start)
    return len(places) <= 6 or start - places[0] <= 3


def _is_resolved(message: Clauses, span: Span) -> bool:
    """It ended, said after it in the same sentence; "my back is fine now" says nothing about the numbness beside it."""
    others = message.cues("resolved_of_other_things")
    return any(
        start >= span[1]
        and message.same_sentence(start, span[1] - 1)
        and not any(message.same_clause(first, start) and last <= end for first, last in others)
        for start, end in message.cues("resolved")
    )


def _is_long_standing(message: Clauses, span: Span) -> bool:
    """Said of the symptom, and not of the back pain in another clause; and nothing says that it changed."""
    if _has_changed(message, span):
        return False
    others, clauses = message.cues("long_standing_of_other_things"), message.clauses_of(span)
    for cue in message.cues("long_standing"):
        of_another = message.clause_of(cue[0]) not in clauses and any(
            message.same_clause(first, cue[0]) for first, _last in others
        )
        contrasted = cue[1] <= span[0] and message.is_contrasted(cue[1], span[0])  # "he knows of it but now …"
        if _is_beside(message, cue, span) and not of_another and not contrasted:
            return True
    return False


def _has_changed(message: Clauses, span: Span) -> bool:
    def stands(cue: str) -> bool:
        return any(message.same_sentence(start, span[0]) for start, _end in message.cues(cue))

    return stands("changed") and not stands("unchanged")


def _is_beside(message: Clauses, cue: Span, span: Span) -> bool:
    """In the same sentence, outside the words themselves."""
    return message.same_sentence(cue[0], span[0]) and (cue[1] <= span[0] or cue[0] >= span[1])


# imagined, feared, reported


def _is_imagined(message: Clauses, span: Span) -> bool:
    """ "What if I wet myself", "if I ever get chest pain"; but not "if I walk I get chest pain"."""
    for start, end in message.cues("hypothetical"):
        if start < span[0] and _reaches(message, start, end, span, "hypothetical"):
            commas = any(message.breaks_after(place) for place in range(max(end - 1, 0), span[0]))
            if end > span[0] or not commas:
                return True
    for start, end in message.cues("conditional"):
        asked = start > 0 and message.tokens[start - 1] in message.words["asks"]  # "asked if I had": not imagined
        if start < span[0] and not asked and message.same_sentence(start, span[0]) and span[0] - end <= _NEXT_TO:
            between = (min(end, span[0]), span[0])
            if not message.has_any(between, "self") and "," not in message.tokens[between[0] : between[1]]:
                return True
    return False


def _is_feared(message: Clauses, span: Span) -> bool:
    """Afraid that it may come; but "worried about this numbness" is about one that is there."""
    return any(
        start < span[0]
        and _reaches(message, start, end, span, "worried")
        and not message.has_any((start, span[0]), "points_at")
        for start, end in message.cues("worried")
    )


def _is_reported(message: Clauses, span: Span) -> bool:
    """A clinician's or a leaflet's words about it; "and I said yes" makes it the writer's own."""
    returned = any(start >= span[1] for start, _end in message.cues("returned"))  # "I said no, but now I have"
    affirmed = any(
        start >= span[1] and message.same_sentence(start, span[0]) for start, _end in message.cues("affirmed_after")
    ) or any(start >= span[1] for start, _end in message.cues("affirmed_answer"))
    if returned or (affirmed and not message.cues("denied_answer")):
        return False
    return any(
        start < span[0]
        and _reaches(message, start, end, span, "reported")
        and not message.has_any((min(end, span[0]), span[0]), "self")
        for start, end in message.cues("reported")
    )


def _reaches(message: Clauses, start: int, end: int, span: Span, reach: str) -> bool:
    near = span[0] - end <= message.reach(reach)
    return near and message.same_sentence(start, span[0]) and not message.is_contrasted(end, span[0])


# asked


def _is_general_question(message: Clauses, span: Span) -> bool:
    """A question about the condition: it is framed as one, and no word of it is about the writer."""
    first, last = message.sentence_of(span[0])
    if message.has_any((first, last), "self") or _asks_if_normal(message, span):
        return False
    if any(start == first for start, _end in message.cues("dropped_subject")):
        return False
    opens = any(start == first for start, _end in message.cues("open_question"))
    framed = any(start == first for start, _end in message.cues("closed_question"))
    return opens or (framed and message.tokens[last - 1] == "?")


def _is_asked_if_normal(message: Clauses, span: Span) -> bool:
    """ "Is it normal to get chest pain on a walk?": most who ask have it."""
    first, last = message.sentence_of(span[0])
    return _asks_if_normal(message, span) and not message.has_any((first, last), "self")


def _asks_if_normal(message: Clauses, span: Span) -> bool:
    return any(_is_beside(message, cue, span) for cue in message.cues("is_it_normal"))
