"""The columns that a raw file names, held against those of the configuration."""

from scripts.spine.job import BadInput


def check_columns(found: list[str], columns: dict[str, str], options: dict, where: str) -> None:
    """Raise BadInput unless *found* are the configured columns and, where `others` says so, further ones."""
    missing = [name for name in columns if name not in found]
    unknown = [name for name in found if name not in columns]
    twice = sorted({name for name in found if found.count(name) > 1})
    if missing or twice or (unknown and options["others"] == "refuse"):
        text = f"{where} has {len(found)} columns"
        text += f", lacks {', '.join(missing)}" if missing else ""
        text += f", has {', '.join(unknown)} beside" if unknown else ""
        text += f", names one twice ({', '.join(twice)})" if twice else ""
        raise BadInput(f"{text}; ingest.columns says {', '.join(columns)}: correct the one or the other")


def firsts(found: list[str]) -> list[str]:
    """Return the names of a header with the later ones of a repeated name made others: the first counts."""
    return [name if name not in found[:at] else f"{name} (column {at + 1})" for at, name in enumerate(found)]
