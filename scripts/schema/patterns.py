"""Patterns of texts that Arrow (RE2) and Python read alike, and the kinds of text that the schema knows by name."""

import re

PATTERN = re.compile(  # no anchors, look-around or back references, no \s: there the two differ
    r"(?:[^\\()\[\]{}*+?|^$]|\\[dDwW]|\\[^\w\s]|\[\^?(?:[^\\\[\]^&~|]|\\[dDwW]|\\[^\w\s])+\]|"
    r"\((?:\?:|(?![?*+{]))|\)|\||(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??(?![*+?{]))*"
)
KINDS = {  # kind of text: (anomaly code, pattern)
    "number": ("FLOAT_TYPE_STRING_NOT_FLOAT", r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"),
    "integer": ("INT_TYPE_NOT_INT_STRING", r"[-+]?[0-9]+"),
    "boolean": ("BOOL_TYPE_UNEXPECTED_STRING", r"true|false|True|False|TRUE|FALSE|0|1"),
    "url": ("STRING_TYPE_UNEXPECTED_KIND", r"[A-Za-z][A-Za-z0-9+.\-]*://[^\x00-\x20/?#]+[^\x00-\x20]*"),
    "date": ("STRING_TYPE_UNEXPECTED_KIND", r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"),
    "time": (
        "STRING_TYPE_UNEXPECTED_KIND",
        r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]"
        r"(?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[-+][0-9]{2}:[0-9]{2})?",
    ),
}


class ExpressionError(ValueError):
    """A rule cannot be read; the message says why."""


def pattern(text: str) -> re.Pattern:
    """Return the compiled pattern. Raises ExpressionError on what Arrow and Python would not read alike."""
    try:
        if not PATTERN.fullmatch(text):
            raise re.error("only literals, ., classes, groups, |, \\d, \\w and * + ? {m,n} are allowed, no anchors")
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError) as error:
        raise ExpressionError(f"pattern {text!r}: {error}") from None
