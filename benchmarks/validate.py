"""Measure the cost of row checks against the same predicates written by hand for Arrow, and against other libraries.

    envs/python test benchmarks/validate.py [--rows 10000000] [--runs 3] [--peers DIR]

Every measurement runs in a process of its own, which reports the CPU time of its work without imports; medians are
printed. Tables are written as ingestion writes them. With --peers, pandera, Great Expectations and Evidently are
installed into temporary environments in DIR and check 1,000,000 rows of 20 columns, once from Parquet and once from
memory: the peers as pandas, ours as the row groups that the job reads (repeating texts as dictionaries).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peers import install_peers  # noqa: E402

PART, GROUP = 2**20, 2**17
PEERS = {  # there may be no wheel of the last one for this Python
    "pandera": "pandera[pandas] pyarrow",
    "Great Expectations": "great-expectations pyarrow",
    "Evidently": "evidently pandas<3 pyarrow",
    "TFDV": "tensorflow-data-validation pyarrow",
}
SMALL = 1_000_000
NUMBERS, TEXTS = [f"x{n}" for n in range(12)], [f"t{n}" for n in range(6)]
WORDS = [f"word {n}" for n in range(30)]
DAYS = "1990-01-01", "2025-01-01"
SCHEMA = {
    "columns": {
        **{name: {"type": "number", "min": -4, "max": 4, "min_fraction": 0.9} for name in NUMBERS},
        **{name: {"type": "text", "domain": WORDS, "max_length": 7} for name in TEXTS},
        "code": {"type": "text", "matches": r"id\d{1,8}", "min_fraction": 1},
        "day": {"type": "date", "min": DAYS[0], "max": DAYS[1]},
    },
    "custom": [{"name": "sum", "expression": "x0 + x1 < 7 or is_null(t0)"}],
}


def write_table(folder: Path, rows: int) -> None:
    """Write a table of 20 columns; about one value in a thousand violates a rule."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from scripts.ingest.parquet_writer import writer_options

    folder.mkdir(parents=True)
    rng, words = np.random.default_rng(1), np.array([*WORDS, "strange"])
    for index, start in enumerate(range(0, rows, PART)):
        size = min(PART, rows - start)
        columns = {name: pa.array(rng.normal(0, 1.25, size), mask=rng.random(size) < 0.02) for name in NUMBERS}
        columns |= {name: words[np.where(rng.random(size) < 0.999, rng.integers(0, 30, size), 30)] for name in TEXTS}
        codes = np.char.add("id", rng.integers(0, 10**8, size).astype(str))
        columns["code"] = np.where(rng.random(size) < 0.999, codes, "bad one")
        columns["day"] = pa.array(rng.integers(7000, 20_200, size, np.int32)).cast(pa.date32())
        made = pa.table(columns)
        with pq.ParquetWriter(
            folder / f"part-{index:05}.parquet", made.schema, **writer_options(made.schema)
        ) as writer:
            writer.write_table(made, GROUP)


def ours(folder: Path) -> int:
    """Check with the job of the workflow; return the number of violations."""
    from scripts.validate.check_rows import check_rows

    schema, checks = folder.with_name("schema.yaml"), folder.with_name("checks.json")
    schema.write_text(json.dumps(SCHEMA))
    check_rows(folder, schema, checks, [])
    return sum(rule["count"] for rule in json.loads(checks.read_text())["rules"])


def in_memory(folder: Path) -> Callable[[], int]:
    """Return a function that checks row groups in memory with the rules of the schema."""
    import pyarrow.parquet as pq

    from scripts.schema.check_table import Tally
    from scripts.schema.load import load_schema
    from scripts.schema.rules import rules_of
    from scripts.validate.check_rows import dictionary_columns

    schema, groups = folder.with_name("schema.yaml"), []
    schema.write_text(json.dumps(SCHEMA))
    for path in sorted(folder.iterdir()):
        with pq.ParquetFile(path, read_dictionary=dictionary_columns(pq.read_metadata(path))) as file:
            groups += [file.read_row_group(index) for index in range(file.num_row_groups)]

    def work() -> int:
        found = [Tally(rule) for rule in rules_of(load_schema(schema))]
        for rows in groups:
            for tally in found:
                tally.add(rows, 0, None)
        return sum(tally.to_record()["count"] for tally in found)

    return work


def by_hand(folder: Path) -> int:
    """Check with Arrow's compute functions, written for just this table; return the number of violations."""
    import datetime

    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    first, last = map(datetime.date.fromisoformat, DAYS)
    known, count = pa.array(WORDS), 0
    for path in sorted(folder.iterdir()):
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                rows = file.read_row_group(index)
                masks = []
                for name in NUMBERS:
                    masks += [pc.is_null(rows[name]), pc.is_nan(rows[name]), pc.is_inf(rows[name])]
                    masks += [pc.less(rows[name], -4), pc.greater(rows[name], 4)]
                for name in TEXTS:
                    masks.append(pc.and_(pc.is_valid(rows[name]), pc.invert(pc.is_in(rows[name], known))))
                    masks.append(pc.greater(pc.utf8_length(rows[name]), 7))
                masks.append(pc.is_null(rows["code"]))
                masks.append(pc.invert(pc.match_substring_regex(rows["code"], r"^(?:id\d{1,8})$")))
                masks += [pc.less(rows["day"], pa.scalar(first)), pc.greater(rows["day"], pa.scalar(last))]
                small = pc.less(pc.add(rows["x0"], rows["x1"]), 7.0)
                masks.append(pc.invert(pc.or_kleene(small, pc.is_null(rows["t0"]))))
                count += sum(pc.sum(mask).as_py() or 0 for mask in masks)
    return count


def read_frame(folder: Path):
    """Return the table as pandas."""
    import pyarrow.parquet as pq

    return pq.read_table(folder).to_pandas(date_as_object=False)


def return_unchanged(data):
    """Return *data*, a table in memory, as it is."""
    return data


def with_pandera(read: Callable):
    """Return a function that checks with pandera the table that *read* returns."""
    import pandera.pandas as pa

    columns = {name: pa.Column(float, pa.Check.in_range(-4, 4), nullable=True) for name in NUMBERS}
    columns |= {name: pa.Column(str, [pa.Check.isin(WORDS), pa.Check.str_length(None, 7)]) for name in TEXTS}
    columns["code"] = pa.Column(str, pa.Check.str_matches(r"^id\d{1,8}$"))
    columns["day"] = pa.Column("datetime64[ms]", pa.Check.in_range(*DAYS))
    schema = pa.DataFrameSchema(columns)

    def work() -> int:
        try:
            schema.validate(read(), lazy=True)
        except pa.errors.SchemaErrors as error:
            return len(error.failure_cases)
        return 0

    return work


def with_expectations(read: Callable):
    """Return a function that checks with Great Expectations the table that *read* returns."""
    import great_expectations as gx
    import pandas as pd
    from great_expectations import expectations as gxe

    first, last = map(pd.Timestamp, DAYS)
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("table")
    definition = asset.add_batch_definition_whole_dataframe("all")
    rules = []
    for name in NUMBERS:
        rules.append(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=0.9))
        rules.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=-4, max_value=4))
    for name in TEXTS:
        rules.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=WORDS))
        rules.append(gxe.ExpectColumnValueLengthsToBeBetween(column=name, max_value=7))
    rules.append(gxe.ExpectColumnValuesToMatchRegex(column="code", regex=r"^id\d{1,8}$"))
    rules.append(gxe.ExpectColumnValuesToNotBeNull(column="code"))
    rules.append(gxe.ExpectColumnValuesToBeBetween(column="day", min_value=first, max_value=last))
    suite = gx.ExpectationSuite(name="rules", expectations=rules)

    def work() -> int:
        results = definition.get_batch({"dataframe": read()}).validate(suite).results
        assert not any(one.exception_info.get("raised_exception") for one in results), results
        return sum(one.result.get("unexpected_count", 0) for one in results)

    return work


def with_evidently(read: Callable):
    """Return a function that checks with Evidently the table that *read* returns.

    It has no rules for patterns, lengths and dates, so these are left out.
    """
    from evidently import Report
    from evidently.metrics import MissingValueCount, OutListValueCount, OutRangeValueCount
    from evidently.tests import eq

    metrics = []
    for name in NUMBERS:
        metrics += [MissingValueCount(column=name), OutRangeValueCount(column=name, left=-4, right=4, tests=[eq(0)])]
    metrics += [OutListValueCount(column=name, values=WORDS, tests=[eq(0)]) for name in TEXTS]

    def work() -> int:
        Report(metrics).run(read(), None)
        return -1

    return work


SUBJECTS = {"ours": ours, "by hand": by_hand}
OTHERS = {"pandera": with_pandera, "Great Expectations": with_expectations, "Evidently": with_evidently}


def prepare_work(name: str, folder: Path, begin: str) -> Callable[[], int]:
    """Return the function that does the work of one subject, after imports and, if *begin* is memory, after reading."""
    import pyarrow.compute
    import pyarrow.parquet

    pyarrow.array([])  # imports pandas if it is installed
    if name in OTHERS:
        read = partial(read_frame, folder)
        if begin == "memory":
            data = read()
            read = partial(return_unchanged, data)
        return OTHERS[name](read)
    import scripts.validate.check_rows  # noqa: F401

    return in_memory(folder) if begin == "memory" else partial(SUBJECTS[name], folder)


def measure(name: str, folder: Path, begin: str) -> None:
    """Do the work of one subject and print its CPU seconds, peak memory (MB) and number of violations."""
    work = prepare_work(name, folder, begin)
    start = time.process_time()
    found = work()
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": cpu, "peak": peak, "found": found}))


def run_in_process(python: str, name: str, folder: Path, begin: str) -> dict:
    """Return the measurement of one subject in a process of its own."""
    command = [python, __file__, "--measure", name, "--folder", str(folder), "--begin", begin]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])


def compare(subjects: dict[str, str], folder: Path, runs: int, begin: str = "files") -> None:
    """Print the medians of all *subjects* (name to interpreter) in turn, and their ratios to ours.

    *begin* says where the table is: in memory or in files.
    """
    found: dict[str, list[dict]] = {name: [] for name in subjects}
    for _ in range(runs):
        for name, python in subjects.items():
            found[name].append(run_in_process(python, name, folder, begin))
    base = statistics.median(one["cpu"] for one in found["ours"])
    for name, each in found.items():
        if failed := [one["failed"] for one in each if "failed" in one]:
            print(f"{name:20} failed: {failed[0]}", flush=True)
            continue
        cpu, peak = (statistics.median(one[key] for one in each) for key in ("cpu", "peak"))
        print(
            f"{name:20} {cpu:8.2f} s CPU {peak:8.0f} MB  ours/this {base / cpu:6.3f}  found {each[0]['found']}",
            flush=True,
        )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="temporary folder to install the peers into")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--begin", default="files", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.folder, given.begin)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "span/all"
        write_table(folder, given.rows)
        print(f"{given.rows} rows of {len(SCHEMA['columns'])} columns, Parquet to counts")
        compare(dict.fromkeys(SUBJECTS, sys.executable), folder, given.runs)
    if given.peers:
        peers = install_peers(given.peers, PEERS)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "span/all"
            write_table(folder, SMALL)
            measured = {name: python for name, python in peers.items() if name in OTHERS}
            for begin in ("files", "memory"):
                print(f"{SMALL} rows, all from {begin}", flush=True)
                compare({"ours": sys.executable} | measured, folder, given.runs, begin)


if __name__ == "__main__":
    main()
