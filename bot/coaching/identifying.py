"""Words that may say who somebody is. Finding nothing proves nothing: a person reads them too."""

import re

SIGNS = (
    re.compile(r"\d(?:[\s./-]?\d){5,}"),  # a phone, an NHS number, a date of birth
    re.compile(r"\S@|@\w"),  # an e-mail address, a name on a network
    re.compile(r"https?://|www\.", re.IGNORECASE),
    re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b", re.IGNORECASE),  # a postcode
    re.compile(r"\bP-[A-Z0-9]{5}\b", re.IGNORECASE),  # a patient's code
)


def may_identify(text: str) -> bool:
    return any(sign.search(text) for sign in SIGNS)
