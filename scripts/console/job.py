"""A job that Snakemake started, and the small files that it wrote."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST = 8_000_000  # bytes of a file that is read for one line
TAIL = 65_536  # bytes at the end of a log that are read
RECORD = "record.json"


def read_tail(log: Path) -> list[str]:
    """Return the last lines of the file *log* that are not empty; none where there is no such file."""
    if not log.is_file():
        return []
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        text = file.read().decode("utf-8", "replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@dataclass
class Job:
    """A job that Snakemake started: its rule, and the paths of its outputs and logs."""

    number: int
    rule: str
    wildcards: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple:
        """Return what identifies the job in a plan."""
        return (self.rule, *self.wildcards.values())

    @property
    def name(self) -> str:
        """Return the name that `snakemake explain` uses: the rule and the values of its wildcards."""
        return " ".join(self.key)

    @property
    def has_work(self) -> bool:
        """Return whether the job does anything: it is no target that only names others."""
        return bool(self.outputs or self.logs)

    @property
    def is_recorded(self) -> bool:
        """Return whether the job leaves a record: one of the life cycle, not a query or an auxiliary job."""
        return any(Path(path).name == RECORD for path in self.outputs)

    def path(self, name: str) -> Path:
        """Return the path of the output whose file is called *name*. Raises KeyError where there is none."""
        for output in self.outputs:
            if Path(output).name == name:
                return Path(output)
        raise KeyError(name)

    def read(self, name: str) -> Any:
        """Return the JSON value of the output called *name*. Raises OSError or ValueError where there is none."""
        path = self.path(name)
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path} is too large for one line")
        return json.loads(path.read_text(encoding="utf-8"))

    def log_lines(self) -> list[str]:
        """Return the last lines of the job's logs, without those that are empty."""
        return [line for log in self.logs for line in read_tail(Path(log))]

    def search_log(self, pattern: str) -> str:
        """Return the first group of the last line of the log that *pattern* matches, or nothing."""
        matches = [match[1] for line in self.log_lines() if (match := re.search(pattern, line))]
        return matches[-1] if matches else ""
