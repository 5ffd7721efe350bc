"""A fixture that ingests files given as text, and the result of that."""

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.config.check_schema import ConfigValidator, load_yaml
from scripts.ingest.ingest import ingest as whole
from scripts.ingest.ingest_shard import ingest_shard
from scripts.ingest.plan_shards import plan_shards
from scripts.provenance.canonical import read_json

SCHEMA = load_yaml("config/schema.yaml")["ingest"]["schema"]
COLUMNS = {"a": "number", "b": "text", "c": "text"}


def options(columns: dict, **given) -> dict:
    """Return the section `ingest` of a configuration with its defaults."""
    checker = ConfigValidator(SCHEMA)
    assert checker.validate({"columns": columns, "max_quarantined": 1} | given), checker.errors
    return dict(checker.document)


@dataclass
class Made:
    """Result of ingestion: rows, entries of the quarantine, counts, and all bytes by file name."""

    table: pa.Table
    entries: list[dict]
    counts: dict
    content: dict[str, bytes]

    @property
    def rows(self) -> list[tuple]:
        return [tuple(row.values()) for row in self.table.to_pylist()]

    @property
    def names(self) -> list[str]:
        return self.table.column_names

    @property
    def aside(self) -> list[tuple]:
        return [(entry["line"], entry["column"]) for entry in self.entries]

    @property
    def reasons(self) -> list[str]:
        return [entry["reason"] for entry in self.entries]

    def split(self, name: str) -> list[dict]:
        """Return the rows of a split."""
        parts = sorted(path for path in self.content if path.startswith(f"{name}/"))
        return [row for path in parts for row in pq.read_table(pa.BufferReader(self.content[path])).to_pylist()]


@pytest.fixture
def ingest(tmp_path):
    """Return a function that ingests a text, bytes, or several files by name."""

    def run(
        data, columns=COLUMNS, name="2001.csv", splits=("all",), shards=0, part=1 << 20, group=1 << 17, **given
    ) -> Made:
        number = len(list(tmp_path.iterdir()))
        raw, out = tmp_path / f"raw{number}", tmp_path / f"out{number}" / "2001"
        for file, content in (data if isinstance(data, dict) else {name: data}).items():
            (raw / file).parent.mkdir(parents=True, exist_ok=True)
            (raw / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        out.mkdir(parents=True)
        section = options(dict(columns), **given)
        parted = splits != ("all",)
        tables = [out / f".tmp-{split}" for split in ("all", *splits) if split != "all" or parted or splits == ("all",)]
        folders: list[Path] = []
        if shards:
            plan_shards(raw, out / "plan.json", shards, section, part)
            for index in range(shards):
                folders.append(out / f"shard{index}")
                named = [out / table.name.removeprefix(".tmp-") for table in tables]
                ingest_shard(raw, out / "plan.json", folders[-1], index, named, parted, section, part, group)
        quarantine, counts = out / "quarantine.jsonl", out / "counts.json"
        whole(raw, folders, tables, quarantine, counts, parted, section, part, group)
        content = {}
        for table in tables:
            name = table.name.removeprefix(".tmp-")
            content |= {f"{name}/{path.name}": path.read_bytes() for path in table.iterdir()}
        parts = [pq.read_table(pa.BufferReader(content[path])) for path in sorted(content)]
        entries = [json.loads(line) for line in quarantine.read_text().splitlines()]
        return Made(
            pa.concat_tables(parts), entries, read_json(counts), content | {"quarantine": quarantine.read_bytes()}
        )

    return run
