"""The files that the rules of feedback read: which there are when Snakemake builds its graph of jobs."""

import os
import re
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.bundle.aliases import read_aliases
from scripts.data.retention import first_kept_day

DAY = re.compile(r"\d\d\d\d-\d\d-\d\d")


class FeedbackFiles:
    """The request log, labels and published bundles of a case; methods with wildcards are functions for rules."""

    def __init__(self, config: dict, day: date):
        self.case, self.label = config["case"], config["deploy"]["label"]
        self.kept = first_kept_day(config["feedback"]["retention_days"], day)
        self.log = f"serving/{self.case}/requests"
        self.results = f"results/{self.case}/feedback/requests"

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The size in bytes of the log of each day, without days whose retention is over.

        It is read once, so that a server that goes on writing does not change what a run reads.
        """
        files = [*os.scandir(self.log)] if os.path.isdir(self.log) else []
        days = {entry.name.removesuffix(".jsonl"): entry for entry in files if entry.name.endswith(".jsonl")}
        return {day: days[day].stat().st_size for day in sorted(days) if DAY.fullmatch(day) and day >= self.kept}

    def size(self, wildcards: Any) -> int:
        """Return the size of the log of the day that the wildcard names."""
        return self.sizes[wildcards.day]

    def statistics(self, wildcards: Any) -> list[str]:
        """Return the statistics of the requests of each day."""
        return [f"{self.results}/{day}/statistics.json" for day in self.sizes]

    def tables(self, wildcards: Any) -> list[str]:
        """Return the tables of the requests of each day."""
        return [f"{self.results}/{day}/requests.parquet" for day in self.sizes]

    def find_csv(self, kind: str) -> list[str]:
        """Return the CSV files of a *kind* of feedback, labels or actions; there may be none."""
        return sorted(map(str, Path(f"data/{self.case}/feedback/{kind}").glob("*.csv")))

    def labels(self, wildcards: Any) -> list[str]:
        """Return the files of late labels."""
        return self.find_csv("labels")

    def actions(self, wildcards: Any) -> list[str]:
        """Return the files of actions, which are no labels."""
        return self.find_csv("actions")

    def contracts(self, wildcards: Any) -> list[str]:
        """Return the contracts of the versions that are published, in the order of the versions."""
        found = [path for path in Path(f"serving/{self.case}").glob("*/contract.json") if path.parent.name.isdecimal()]
        return [str(path) for path in sorted(found, key=read_version)]

    def aliases(self, wildcards: Any) -> list[str]:
        """Return the labels of versions as name=number."""
        return [f"{name}={number}" for name, number in sorted(read_aliases(Path(f"serving/{self.case}")).items())]

    def bundle(self, wildcards: Any) -> list[str]:
        """Return the files of the published bundle that the label of deployment names; none if there is none."""
        number = read_aliases(Path(f"serving/{self.case}")).get(self.label)
        return sorted(str(path) for path in Path(f"serving/{self.case}/{number}").glob("*") if path.name[0] != ".")


def read_version(path: Path) -> int:
    """Return the number of the version whose folder *path* is in."""
    return int(path.parent.name)
