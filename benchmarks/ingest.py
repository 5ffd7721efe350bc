"""Cost of ingestion relative to pyarrow's parser alone: CPU time and memory of child processes, medians, ratio.

    envs/python test benchmarks/ingest.py [--rows 10000000] [--runs 3] [--folder FOLDER]

Makes a CSV file of 10 columns (a number, four measures, three categories, a date, a text of six words) and one of a
fifth of its rows. Each run reads the file once with pyarrow's streaming reader and the same column types, and once
from CSV to Parquet parts, in a process of its own.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.config.check_schema import ConfigValidator, load_yaml  # noqa: E402
from scripts.ingest.convert import arrow_schema  # noqa: E402
from scripts.ingest.ingest import ingest  # noqa: E402

COLUMNS = {"id": "integer", "x1": "number", "x2": "number", "x3": "number", "x4": "number"}
COLUMNS |= {"c1": "text", "c2": "text", "c3": "text", "day": "date", "words": "text"}
STEP = 500_000  # rows generated at once


def write_table(path: Path, rows: int) -> None:
    """Write a synthetic table of *rows* rows as CSV."""
    rng = np.random.default_rng(0)
    words = pa.array([f"word{number}" for number in range(2000)])
    with open(path, "wb") as file:
        for start in range(0, rows, STEP):
            count = min(STEP, rows - start)

            def sample(values: pa.Array, count: int = count) -> pa.Array:
                return values.take(pa.array(rng.integers(0, len(values), count)))

            table = pa.table(
                {
                    "id": np.arange(start, start + count),
                    "x1": rng.normal(size=count).round(6),
                    "x2": rng.lognormal(size=count).round(3),
                    "x3": rng.integers(0, 100_000, count),
                    "x4": rng.random(count).round(4),
                    "c1": sample(pa.array([f"kind {number}" for number in range(20)])),
                    "c2": sample(pa.array(["low", "middle", "high"])),
                    "c3": sample(pa.array([f"town {number}" for number in range(500)])),
                    "day": sample(pa.array(np.arange(0, 8000), pa.int32()).cast(pa.date32())),
                    "words": pc.binary_join_element_wise(*(sample(words) for _ in range(6)), " "),
                }
            )
            pacsv.write_csv(table, file, pacsv.WriteOptions(include_header=start == 0))


def parse(raw: Path) -> None:
    """Parse the file in *raw* with pyarrow alone."""
    schema = arrow_schema(COLUMNS)
    reader = pacsv.open_csv(
        next(raw.iterdir()),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=True, null_values=[""]
        ),
    )
    for _ in reader:
        pass


def parts(raw: Path) -> None:
    """Ingest the file in *raw*."""
    checker = ConfigValidator(load_yaml(str(ROOT / "config/schema.yaml"))["ingest"]["schema"])
    assert checker.validate({"columns": COLUMNS}), checker.errors
    with tempfile.TemporaryDirectory(dir=raw.parent) as folder:
        out = Path(folder)
        ingest(raw, [], [out / "all"], out / "quarantine.jsonl", out / "counts.json", "no", checker.document)


def measure(task: str, raw: Path) -> dict:
    """Run a task in a process of its own; return its CPU time and the system's part of it, its wall time (seconds), and
    its peak memory (MB)."""
    command = [sys.executable, __file__, "--task", task, "--folder", str(raw)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Run the measurements; print a line for each size, then JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--task", choices=["parse", "parts"])
    given = parser.parse_args()
    if given.task:
        began = time.perf_counter()
        {"parse": parse, "parts": parts}[given.task](Path(given.folder))
        seconds, used = time.perf_counter() - began, os.times()
        # not ru_maxrss, which a process inherits from its parent
        memory = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
        print(json.dumps({"cpu": used.user + used.system, "system": used.system, "seconds": seconds, "memory": memory}))
        return
    found = []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for rows in (given.rows // 5, given.rows):
            raw = Path(folder) / str(rows) / "raw"
            raw.mkdir(parents=True)
            write_table(raw / "table.csv", rows)
            runs = [{task: measure(task, raw) for task in ("parse", "parts")} for _ in range(given.runs)]
            middle = {
                task: {key: statistics.median(run[task][key] for run in runs) for key in runs[0][task]}
                for task in ("parse", "parts")
            }
            ratio = statistics.median(run["parts"]["cpu"] / run["parse"]["cpu"] for run in runs)
            found.append({"rows": rows, "bytes": (raw / "table.csv").stat().st_size, "ratio": ratio, **middle})
            print(
                f"{rows:,} rows: {middle['parts']['cpu']:.2f} CPU s against {middle['parse']['cpu']:.2f} for parsing "
                f"({middle['parts']['system']:.2f} and {middle['parse']['system']:.2f} in the system), "
                f"ratio {ratio:.2f}; {middle['parts']['memory']:.0f} MB against {middle['parse']['memory']:.0f} MB"
            )
            (raw / "table.csv").unlink()
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
