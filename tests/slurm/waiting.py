"""Waiting for what another process does."""

import time
from collections.abc import Callable


def wait_for(what: str, holds: Callable[[], object], seconds: float = 30) -> None:
    """Return once *holds* does; raises TimeoutError after *seconds*."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
