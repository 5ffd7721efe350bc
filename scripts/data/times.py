"""Dates and times written as text: the same in files, in the configuration and in requests.

A time with a zone (an offset or Z) is converted to the zone `ingest.timezone` and loses its zone; one without a zone is
taken as it is.
"""

import re
from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)([ T]\d\d(:\d\d(:\d\d(\.\d{1,6})?)?)?)?(Z|[-+]\d\d:?\d\d)?", re.ASCII)
DATE_FORMAT = "%Y-%m-%d"  # of dates for which no other format is configured
EXPANSIONS = {"%D": "%m/%d/%y", "%F": "%Y-%m-%d", "%R": "%H:%M", "%T": "%H:%M:%S", "%e": "%d", "%h": "%b"}
DIRECTIVES = "aAbBdfHIjmMpSyYz%"  # of strptime in Python, without those that depend on the locale
DIRECTIVE = re.compile(r"%(.?)", re.S)
WIDTHS = {"d": 2, "f": 6, "H": 2, "I": 2, "j": 3, "m": 2, "M": 2, "S": 2, "y": 2, "Y": 4}  # most digits
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June")
MONTHS += ("July", "August", "September", "October", "November", "December")
WORDS = {
    "A": DAYS,
    "a": [day[:3] for day in DAYS],
    "B": MONTHS,
    "b": [month[:3] for month in MONTHS],
    "p": ("AM", "PM"),
}
LEADING_ZEROS = re.compile(r"\b0+(?=\d)")


@lru_cache
def expand_format(form: str) -> str:
    """Return the strptime format *form* with the abbreviations written out that Python does not know."""
    return DIRECTIVE.sub(lambda match: EXPANSIONS.get(match[0], match[0]), form)


def find_format_problem(form: str) -> str:
    """Return what is wrong with the strptime format *form*, "" if nothing is."""
    found = DIRECTIVE.findall(expand_format(form))
    unknown = [f"%{letter}" for letter in found if letter not in DIRECTIVES or not letter]
    if unknown:
        known = [f"%{letter}" for letter in DIRECTIVES] + list(EXPANSIONS)
        return f"{unknown[0]} in the format {form!r} is not supported; known are {' '.join(known)}"
    if repeated := [letter for letter in DIRECTIVES if letter != "%" and found.count(letter) > 1]:
        return f"the format {form!r} has %{repeated[0]} twice"
    return "" if found else f"the format {form!r} has no directive such as %Y"


@lru_cache
def format_pattern(form: str) -> str:
    """Return a pattern (of RE2, too) of texts in the strptime format *form*, with a group for each directive.

    %Y is four digits, %y two. Other numbers may lack leading zeros, but not next to another number.
    """
    tokens = re.findall(r"%.|.", expand_format(form), re.S)
    is_number = [token[1:] in WIDTHS or token.isdecimal() for token in tokens]
    parts = []
    for place, token in enumerate(tokens):
        letter = token[1:]
        if letter in WIDTHS:
            touches = any(is_number[max(0, place - 1) : place] + is_number[place + 1 : place + 2])
            exact = letter in "yY" or (touches and letter != "f")
            parts.append(f"(?P<{letter}>[0-9]{{{'' if exact else '1,'}{WIDTHS[letter]}}})")
        elif letter in WORDS:
            parts.append(f"(?P<{letter}>{'|'.join(WORDS[letter])})")
        elif letter == "z":
            parts.append(r"(?P<z>Z|[-+][0-9:.]+)")
        else:
            parts.append(r"\s+" if token.isspace() else re.escape("%" if token == "%%" else token))
    return f"(?i)^{''.join(parts)}$"


def parse_format(text: str, form: str) -> datetime | None:
    """Return the time that *text* names in the strptime format *form*, None if it names none.

    All parts must be those of one time: Monday 2021-01-03, and day 366 of 2021, name none.
    """
    match = re.search(format_pattern(form), text)
    if not match:
        return None
    parsed = datetime.strptime(text, expand_format(form))
    fields = {letter: found for letter, found in match.groupdict().items() if letter not in "fz"}
    given = "|".join(fields.values()).lower()
    meant = parsed.strftime("|".join(f"%{letter}" for letter in fields)).lower()
    return parsed if LEADING_ZEROS.sub("", given) == LEADING_ZEROS.sub("", meant) else None


def load_zone(name: str) -> tzinfo:
    """Return the time zone *name*. Raises ValueError if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is not a time zone such as UTC or Europe/Berlin ({error})") from None


def parse_time(text: str, form: str, zone: tzinfo) -> datetime | None:
    """Return the time, without a zone, that *text* names in the strptime format *form*, None if it names none.

    Without a format, that is ISO 8601: 2020-12-31 23:59:59 with up to six decimals, less precise, or with a zone.
    """
    text = text.strip()
    try:
        if form:
            parsed = parse_format(text, form)
        else:
            parsed = datetime.fromisoformat(text) if ISO_TIME.fullmatch(text) else None
        return parsed and (parsed.astimezone(zone).replace(tzinfo=None) if parsed.tzinfo else parsed)
    except (ValueError, OverflowError):
        return None
