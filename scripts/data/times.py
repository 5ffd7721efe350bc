"""Dates and times written as text: the same in files, in the configuration and in requests.

A time with a zone (an offset or Z) is converted to the zone `ingest.timezone` and loses its zone; one without a zone is
taken as it is.
"""

import re
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

ISO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)([ T]\d\d(:\d\d(:\d\d(\.\d{1,6})?)?)?)?(Z|[-+]\d\d:?\d\d)?", re.ASCII)
DATE_FORMAT = "%Y-%m-%d"  # of dates for which no other format is configured
EXPANSIONS = {"%D": "%m/%d/%y", "%F": "%Y-%m-%d", "%R": "%H:%M", "%T": "%H:%M:%S", "%e": "%d", "%h": "%b"}
DIRECTIVES = "aAbBdfHIjmMpSyYz%"  # of strptime in Python, without those that depend on the locale
DIRECTIVE = re.compile(r"%(.?)", re.S)


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
    return "" if found else f"the format {form!r} has no directive such as %Y"


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
            parsed = datetime.strptime(text, expand_format(form))
        else:
            parsed = datetime.fromisoformat(text) if ISO_TIME.fullmatch(text) else None
        return parsed and (parsed.astimezone(zone).replace(tzinfo=None) if parsed.tzinfo else parsed)
    except (ValueError, OverflowError):
        return None
