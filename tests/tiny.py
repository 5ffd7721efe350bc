"""The synthetic case `tiny` for tests: four spans of 150 rows, several types of columns, deployed within a minute."""

import csv
import hashlib
import random
from pathlib import Path

CASE = """\
title: Made-up parcels, late or not
windows:
  train: ["2001", "2002"]
  eval: ["2003"]
  test: ["2004"]
ingest:
  max_quarantined: 0.1
  columns:
    id: number
    weight: number
    colour: text
    note: text
    day: "date:%Y-%m-%d"
    late: text
preprocess:
  label:
    column: late
    classes:
      "no": ["no"]
      "yes": ["yes"]
    positive: "yes"
  features:
    weight: number
    colour: category
    note: text
    day: season
  terms: 20
tune:
  families:
    logistic:
      C: {loguniform: [0.1, 10]}
  trials: 4
  width: 2
analyze:
  gate:
    roc_auc: {min: 0.6}
  slices: [colour]
  bootstrap: 20
deploy:
  max_latency_ms: 5000
"""
SCHEMA = """\
rows: {min: 50}
label:
  "yes": {min: 0.1, max: 0.9}
columns:
  id: {type: number, min_fraction: 1}
  weight: {type: number, min: 0, max: 100}
  colour: {type: text, domain: [red, green, blue], max_drift: 0.5}
  note: {type: text}
  day: {type: date, min_fraction: 1}
  late: {type: text, min_fraction: 1, domain: ["no", "yes"]}
"""
COLUMNS = ["id", "weight", "colour", "note", "day", "late"]
WORDS = ["box", "door", "rain", "left", "early", "broken", "seal", "van", "stairs", "dog", "ring", "wet"]
SPANS = ["2001", "2002", "2003", "2004"]


def rows(year: str, count: int = 150) -> list[list[str]]:
    """Return synthetic rows of one span: heavy red parcels in the rain tend to be late."""
    rng = random.Random(year)
    made = []
    for index in range(count):
        weight, colour = rng.uniform(1, 30), rng.choice(["red", "green", "blue"])
        words = rng.sample(WORDS, rng.randint(0, 4))
        odds = weight / 10 + 2 * (colour == "red") + 2 * ("rain" in words) - 3.5
        late = "yes" if odds + rng.gauss(0, 0.5) > 0 else "no"
        note = " ".join(words) if rng.random() > 0.1 else ""
        text = f"{weight:.2f}" if rng.random() > 0.1 else ""
        made.append([f"{int(year) * 1000 + index}", text, colour, note, f"{year}-{index % 12 + 1:02}-15", late])
    return made


def write_span(folder: Path, year: str, content: list[list[str]], columns: list[str] = COLUMNS) -> Path:
    """Write the CSV file of a span and its pointer; return the path of the CSV file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{year}.csv"
    path.unlink(missing_ok=True)  # it may be a hard link into DVC's cache
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *content])
    write_pointer(path)
    return path


def write_pointer(path: Path) -> None:
    """Write the DVC pointer of the file at *path* next to it."""
    data = path.read_bytes()
    text = f"outs:\n- md5: {hashlib.md5(data).hexdigest()}\n  size: {len(data)}\n  hash: md5\n  path: {path.name}\n"
    path.with_name(path.name + ".dvc").write_text(text)


def make(root: Path) -> None:
    """Add the case to the checkout at *root* and make it the default case."""
    (root / "config/cases/tiny.yaml").write_text(CASE)
    (root / "config/config.yaml").write_text("case: tiny\n")
    for year in SPANS:
        write_span(root / "data/tiny", year, rows(year))
    (root / "data/tiny/schema.yaml").write_text(SCHEMA)
    (root / "data/tiny/.gitignore").write_text("/*.csv\n")
