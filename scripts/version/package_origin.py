"""Check what a pointer says about the package that its bytes come from (meta.origin), before pip sees any of it."""

import re
from pathlib import PurePosixPath
from typing import Any

from scripts.errors import InputError

REQUIRED = ("package", "sha256", "member")
OPTIONAL = ("column", "by")
PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9](?:[A-Za-z0-9.!+_-]*[A-Za-z0-9])?")
SHA256 = re.compile(r"[0-9a-f]{64}")


def check_origin(source: dict[str, Any]) -> None:
    """Raise InputError unless *source* names a wheel by NAME==VERSION and its sha256, and a member of it.

    pip would build code from a URL or a folder, and would read options after a line break.
    """
    missing = [key for key in REQUIRED if key not in source]
    unknown = [key for key in source if key not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        wrong = f"lacks {missing[0]}" if missing else f"has {unknown[0]!r}"
        raise InputError(f"meta.origin {wrong}; it takes {', '.join(REQUIRED)} and, to cut it, {', '.join(OPTIONAL)}")
    if not PACKAGE.fullmatch(str(source["package"])):
        raise InputError(f"meta.origin.package is {source['package']!r}, expected NAME==VERSION and nothing else")
    if not SHA256.fullmatch(str(source["sha256"])):
        raise InputError(f"meta.origin.sha256 is {source['sha256']!r}, expected 64 hexadecimal digits, in quotes")
    member = PurePosixPath(str(source["member"]))
    if not member.parts or member.is_absolute() or ".." in member.parts:
        raise InputError(f"meta.origin.member is {source['member']!r}, expected the path of a file in the wheel")
