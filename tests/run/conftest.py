"""The deployed tiny case for the tests below, and warm environments for those that ask for them."""

from tests.deployed import checkout, deployed, published, warm_environments, warmed

__all__ = ["checkout", "deployed", "published", "warm_environments", "warmed"]
