"""Warm environments for the tests that register versions: MLflow alone is imported for seconds."""

from tests.deployed import warm_environments, warmed

__all__ = ["warm_environments", "warmed"]
