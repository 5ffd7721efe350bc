"""How long the request log and what is made of it are kept."""

from datetime import date, timedelta


def first_kept_day(days: int | None, today: date) -> str:
    """Return the first day that is kept on the day *today* if *days* are, "" if all are."""
    return "" if days is None else (today - timedelta(days=days)).isoformat()
