"""Check `validate.alert`: no secret is written into an Apprise URL; ${NAME} takes it from the environment.

Most services of Apprise have their tokens in the path of the URL (slack://, tgram://), some in the place of a user.
"""

import re

VARIABLE = re.compile(r"\$\{\w+\}")
URL = re.compile(r"(?P<scheme>[a-z][a-z0-9]*)://(?:(?P<user>[^/?]*)@)?(?P<path>[^?@]*)(?:\?(?P<query>[^@]*))?")
OWN_SERVER = ("form", "forms", "json", "jsons", "mailto", "mailtos", "xml", "xmls")  # any path, a user, a password
PUBLIC_PART = re.compile(r"\$\{\w+\}|[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?|localhost(:\d+)?|#.*|")  # variable, host, channel
SECRET_FIELD = re.compile(r"[^=]*(pass|pwd|token|key|secret|auth|sig)[^=]*=(?!\$\{\w+\}$).*", re.I)
TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}")
EXPECTED = "expected an Apprise URL whose secrets are ${NAME}, such as slack://${SLACK_TOKENS}/#data or ${WEBHOOK}"


def holds_no_secret(url: str) -> bool:
    """Return whether every part of *url* that may be a secret is a ${NAME}."""
    if VARIABLE.fullmatch(url):
        return True
    match = URL.fullmatch(url)
    if not match or any(SECRET_FIELD.fullmatch(field) for field in re.split("[&;]", match["query"] or "")):
        return False
    name, colon, password = (match["user"] or "").partition(":")
    parts = match["path"].split("/")
    if match["scheme"] in OWN_SERVER:
        return (not colon or bool(VARIABLE.fullmatch(password))) and not any(map(TOKEN.fullmatch, [name, *parts]))
    parts += (name, password)
    return all(PUBLIC_PART.fullmatch(part) or all(map(VARIABLE.fullmatch, part.split(":"))) for part in parts)


def check_alert(urls: list[str]) -> list[tuple[str, str]]:
    """Return the problems of `validate.alert`, which do not repeat the URL."""
    return [(f"validate.alert.{n}", EXPECTED) for n, url in enumerate(urls) if not holds_no_secret(url)]
