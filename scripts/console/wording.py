"""How the console writes numbers, durations and sizes."""

from pathlib import Path


def format_count(number: int, noun: str) -> str:
    """Return *number* with its noun: 1 row, 2,647 rows, 2 anomalies."""
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun}"


def format_duration(seconds: float) -> str:
    """Return a duration in one or two units: 0.4 s, 12 s, 1 min 10 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s".removesuffix(" 0 s")
    if whole < 3600:
        return f"{round(whole / 60)} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_size(count: float) -> str:
    """Return a number of bytes with its unit: 389 kB."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.0f} {units[0]}" if count >= 100 or units[0] == "bytes" else f"{count:.3g} {units[0]}"


def format_estimate(value: dict) -> str:
    """Return an estimate with its interval: 0.9407 (0.9277 to 0.9518)."""
    if value.get("value") is None:
        return "undefined"
    if value.get("low") is None:
        return f"{value['value']:.4g}" + (f" (no interval: {value['reason']})" if "reason" in value else "")
    return f"{value['value']:.4g} ({value['low']:.4g} to {value['high']:.4g})"


def replace_controls(text: str) -> str:
    """Return *text* without control characters: what comes from data or logs must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def shorten(text: str, width: int) -> str:
    """Return *text* in at most *width* characters; what was cut off is marked."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def count_bytes(path: Path) -> int:
    """Return the bytes of the files in the folder *path*."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
