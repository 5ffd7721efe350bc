"""Measure what a column costs each stage: deploy cases of numeric columns alone, one wider than the other.

    envs/python test benchmarks/wide.py [--columns 250 500 1000 2000] [--rows 500]

Prints the CPU seconds of each rule (those of a rule with a job for each span added up) by width, and the exponent by
which they grow from the first width to the last: 1 is linear, 2 quadratic. What starting a job costs anyway is taken
off by a case of 10 columns.
"""

import argparse
import csv
import math
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import tiny  # noqa: E402
from tests.workflow import clone, snakemake  # noqa: E402

CASE = """\
title: Many numbers
windows: {{train: ["2001"], eval: ["2002"], test: ["2003"]}}
ingest:
  columns: {{label: text, {columns}}}
preprocess:
  label: {{column: label, classes: {{"no": ["no"], "yes": ["yes"]}}, positive: "yes"}}
  features: {{{features}}}
tune: {{families: {{logistic: {{C: {{loguniform: [0.001, 0.1]}}}}}}, trials: 2, width: 2}}
analyze: {{gate: {{roc_auc: {{min: 0.4}}}}, bootstrap: 20}}
deploy: {{max_latency_ms: 60000, max_size_mb: 1000}}
"""
BASE = 10  # columns of the case whose cost is taken off


def make_case(root: Path, columns: int, rows: int) -> None:
    """Add the case to the checkout at *root*: the first of *columns* numbers decides on the label."""
    names = [f"x{number}" for number in range(columns)]
    listed = {"columns": ", ".join(f"{name}: number" for name in names)}
    listed["features"] = listed["columns"]
    (root / "config/cases/wide.yaml").write_text(CASE.format(**listed))
    for span in ("2001", "2002", "2003"):
        rng, content = random.Random(span), []
        for _ in range(rows):
            values = [rng.gauss(0, 1) for _ in names]
            label = "yes" if values[0] + rng.gauss(0, 0.5) > 0 else "no"
            content.append([label, *(f"{value:.3f}" for value in values)])
        tiny.write_span(root / "data/wide", span, content, ["label", *names])
    schema = ["columns:", '  label: {type: text, min_fraction: 1, domain: ["no", "yes"]}']
    schema += [f"  {name}: {{type: number, min: -9, max: 9, min_fraction: 1}}" for name in names]
    (root / "data/wide/schema.yaml").write_text("\n".join([*schema, ""]))


def measure(columns: int, rows: int) -> dict[str, float]:
    """Return the CPU seconds of each rule for a case of *columns* columns. Exits where it does not deploy."""
    with tempfile.TemporaryDirectory() as folder:
        root = clone(Path(folder) / "clone")
        make_case(root, columns, rows)
        run = snakemake(root, "deploy", "report", "--config", "case=wide")
        if run.returncode:
            sys.exit(f"{columns} columns: {run.stdout[-3000:]}{run.stderr[-3000:]}")
        seconds: dict[str, float] = {}
        for path in (root / "benchmarks/rules/wide").rglob("*.tsv"):
            stage = path.relative_to(root / "benchmarks/rules/wide")
            name = stage.parts[0] if stage.parts[0] == stage.stem else f"{stage.parts[0]}: {stage.stem}"
            with open(path) as file:
                for row in csv.DictReader(file, delimiter="\t"):
                    seconds[name] = seconds.get(name, 0) + float(row["cpu_time"])
        return seconds


def print_costs(widths: list[int], rows: int) -> None:
    """Print the table."""
    base, *measured = [measure(width, rows) for width in (BASE, *widths)]
    print(f"{'CPU seconds':30}", *(f"{width:>8}" for width in widths), "exponent")
    for name in sorted(base):
        own = [max(0.01, seconds[name] - base[name]) for seconds in measured]
        exponent = math.log(own[-1] / own[0]) / math.log(widths[-1] / widths[0])
        print(f"{name:30}", *(f"{value:8.2f}" for value in own), f"{exponent:8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, nargs="+", default=[250, 500, 1000, 2000])
    parser.add_argument("--rows", type=int, default=500)
    given = parser.parse_args()
    print_costs(given.columns, given.rows)
