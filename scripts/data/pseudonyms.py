"""Pseudonyms of texts in the request log: keyed hashes, by a secret that each case has in its folder of serving/."""

import hmac
import os
from pathlib import Path

KEY_FILE = ".log-key"
DIGITS = 16  # hexadecimal, of a pseudonym


def read_key(folder: Path) -> bytes:
    """Return the secret of the pseudonyms of the case in *folder*; there is one from the first call on."""
    path = folder / KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with open(descriptor, "wb") as file:
        file.write(os.urandom(32))
    return path.read_bytes()


def hide_text(text: str, key: bytes) -> str:
    """Return the pseudonym of *text*: equal texts have equal ones."""
    return hmac.digest(key, text.encode(), "sha256").hex()[:DIGITS]
