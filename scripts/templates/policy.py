"""Source expressions of the Content-Security-Policy, for pages of files and of the server."""

import base64
import hashlib


def csp_source(content: str) -> str:
    """Return the source expression of an inline style sheet or script in the Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8', 'replace')).digest()).decode()}'"
