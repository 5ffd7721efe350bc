"""The deployed tiny case for the tests below."""

from tests.deployed import checkout, deployed

__all__ = ["checkout", "deployed"]
