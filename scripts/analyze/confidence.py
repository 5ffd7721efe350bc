"""The error of confidence intervals, and the estimate that has none; apart from the methods, which need scipy."""

ALPHA = 0.05
UNDEFINED = {"value": None, "low": None, "high": None}
