"""The deployed tiny case for the tests below, and the warm environments that they run in."""

import pytest

from tests.deployed import checkout, deployed, warm_environments, warmed

__all__ = ["checkout", "deployed", "warm_environments", "warmed"]


@pytest.fixture(autouse=True)
def warm(warmed) -> None:
    """Run all that follows in warm environments."""
