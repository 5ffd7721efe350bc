"""Made-up cases of many shapes: what users bring, deployed by configuration alone."""

import csv
import itertools
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.tiny import write_pointer

BUCKETS = """\
windows: {train: [all-rows], eval: [all-rows], test: [all-rows]}
"""
SWEEP = """\
tune:
  trials: 2
  width: 2
  families:
    logistic:
      C: {loguniform: [0.1, 10]}
analyze:
  bootstrap: 20
  gate:
    accuracy: {min: 0.5}
deploy: {max_latency_ms: 5000}
"""
PARTED = """\
  split:
    buckets: {train: 3, eval: 1, test: 1}
"""


@dataclass
class Shape:
    """A case: the ending of its one file, the case file, the data schema, and what writes that many rows."""

    ending: str
    case: str
    schema: str
    write: Callable[[Path, int], None]


def letters(path: Path, rows: int) -> None:
    """Write capital letters with 16 whole numbers each, 26 classes, no header."""
    rng = random.Random(5)
    centres = {letter: [rng.randint(0, 15) for _ in range(16)] for letter in string.ascii_uppercase}
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        for index in range(rows):
            letter = string.ascii_uppercase[index % 26]
            table.writerow([letter, *(max(0, min(15, round(rng.gauss(mean, 1.5)))) for mean in centres[letter])])


def bank(path: Path, rows: int) -> None:
    """Write semicolons, quoted texts and decimals, two classes of unequal size."""
    rng = random.Random(6)
    with open(path, "w", newline="", encoding="latin-1") as file:
        file.write('"age";"job";"euribor";"contacted";"comment";"y"\n')
        for _ in range(rows):
            age, euribor, job = rng.randint(18, 95), rng.uniform(0.6, 5.1), rng.choice(["admin.", "técnico", "unknown"])
            odds = (5 - euribor) / 1.2 - 3 + (job == "técnico")
            answer = "yes" if rng.gauss(odds, 1) > 0 else "no"
            note = rng.choice(["", "call; again", 'said ""maybe""', "two\nlines"])
            file.write(f'{age};"{job}";{euribor:.3f};{rng.choice(["true", "false"])};"{note}";"{answer}"\n')


def messages(path: Path, rows: int) -> None:
    """Write a label and a text by tab, quotes that open nothing, no header."""
    rng = random.Random(7)
    words = {"ham": ["ok", "home", "later", "dinner", 'he said "yes', "love"], "spam": ["win", "free", "£1000", "call"]}
    both = ["now", "you", "to", "the", "it's"]
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(rows):
            kind = "spam" if rng.random() < 0.13 else "ham"
            file.write(f"{kind}\t{' '.join(rng.choice(words[kind] + both) for _ in range(rng.randint(3, 20)))}\n")


def trips(path: Path, rows: int) -> None:
    """Write Parquet with whole numbers, floats, booleans, times, dictionary texts and missing values."""
    import numpy as np

    rng = np.random.default_rng(8)
    distance, hour = rng.gamma(2, 3, rows), rng.integers(0, 24, rows)
    start = np.datetime64("2024-01-01T00:00:00") + (rng.integers(0, 365, rows) * 24 + hour).astype("timedelta64[h]")
    zone = np.array([f"zone {number}" for number in range(40)])[rng.integers(0, 40, rows)]
    tip = (rng.normal(distance / 4 + (hour > 18), 1) > 1.5).astype(np.int8)
    table = {
        "start": pa.array(start.astype("datetime64[us]")),
        "distance": pa.array(distance, mask=rng.random(rows) < 0.02),
        "passengers": pa.array(rng.integers(1, 6, rows), pa.int16()),
        "shared": pa.array(rng.random(rows) < 0.3),
        "zone": pa.array(zone).dictionary_encode(),
        "tip": pa.array(tip),
    }
    pq.write_table(pa.table(table), path, row_group_size=max(1, rows // 3))


def series(path: Path, rows: int) -> None:
    """Write readings of 40 sensors in the order of time as JSON lines; an alarm is a jump within three readings."""
    rng = random.Random(9)
    loads = [rng.uniform(20, 40) for _ in range(40)]
    last = [[load] * 3 for load in loads]
    with open(path, "w", encoding="utf-8") as file:
        for index in range(rows):
            sensor = index % 40
            load = round(last[sensor][-1] + rng.gauss(0, 2) + 9 * (rng.random() < 0.15), 2)
            alarm = "on" if load - min(last[sensor]) > 6 else "off"
            last[sensor] = [*last[sensor][1:], load]
            at = f"2024-03-{index // 960 + 1:02}T{index // 40 % 24:02}:00:00"
            row = {"sensor": f"s{sensor}", "at": at, "load": load, "alarm": alarm}
            file.write(json.dumps(row) + "\n")


def deliveries(path: Path, rows: int) -> None:
    """Write deliveries to towns, late at the ends of the road net; beside them the roads, and vectors of words."""
    rng = random.Random(10)
    towns = ["Hub", *(f"Town {number}" for number in range(1, 60))]
    roads = [("Hub", town) for town in towns[1:25]] + list(itertools.pairwise(towns[24:]))
    lines = [f"{head},{tail},{rng.randint(1, 9)}" for head, tail in roads]
    (path.parent / "roads.csv").write_text("\n".join(["source,target,weight", *lines]) + "\n")
    words = {"slow": ["Schnee", "ice", "storm"], "fast": ["sun", "clear", "dry"], "any": ["box", "to", "the", "door"]}
    sides = {"slow": 1, "fast": -1, "any": 0}
    vectors = [f"{word} {sides[kind]} {rng.gauss(0, 0.1):.3f}" for kind, found in words.items() for word in found]
    (path.parent / "glove.txt").write_text("\n".join(vectors) + "\n", encoding="utf-8")
    write_pointer(path.parent / "glove.txt")
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["town", "note", "late"])
        for _ in range(rows):
            place, kind = rng.randrange(len(towns)), rng.choice(["slow", "fast"])
            note = " ".join(rng.sample(words[kind], 2) + rng.sample(words["any"], rng.randint(0, 3)))
            late = rng.gauss(place / 30 - 1 + sides[kind], 0.5) > 0
            name = towns[place] if rng.random() > 0.05 else rng.choice(["", "Elsewhere"])
            table.writerow([name, note, "yes" if late else "no"])


def rents(path: Path, rows: int) -> None:
    """Write areas, rooms, districts and rents, some of them missing: what is to be predicted is a number."""
    rng = random.Random(10)
    price = {"north": 9, "south": 14, "centre": 21}
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["area", "rooms", "district", "rent"])
        for _ in range(rows):
            area, district = rng.uniform(20, 150), rng.choice(list(price))
            rent = round(area * price[district] + rng.gauss(0, 60), 2) if rng.random() > 0.02 else ""
            table.writerow([f"{area:.1f}", 1 + int(area / 40), district, rent])


VALUES = """\
tune:
  trials: 3
  width: 3
  metric: rmse
  families: FAMILIES
analyze:
  bootstrap: 20
  gate:
    r2: {min: 0.5}
deploy: {max_latency_ms: 5000}
"""
RENTS = f"""\
title: Rents, a number to predict
{BUCKETS}ingest:
  columns: {{area: number, rooms: integer, district: text, rent: number}}
{PARTED}preprocess:
  label: {{column: rent}}
  features: {{area: number, rooms: number, district: category}}
"""
RENT_SCHEMA = """\
columns:
  area: {type: number, min: 10, max: 200}
  rooms: {type: integer}
  district: {type: text, domain: [north, south, centre]}
  rent: {type: number, min_fraction: 0.9}
"""

SHAPES = {
    "rents": Shape(
        "csv",
        RENTS + VALUES.replace("FAMILIES", "{linear: {}, svm: {}}"),
        RENT_SCHEMA,
        rents,
    ),
    "neighbours": Shape("csv", RENTS + VALUES.replace("FAMILIES", "{neighbours: {}}"), RENT_SCHEMA, rents),
    "letters": Shape(
        "data",
        f"""\
title: Letters, 26 classes
{BUCKETS}ingest:
  header: [letter, {", ".join(f"x{number}" for number in range(16))}]
  columns: {{letter: text, {", ".join(f"x{number}: integer" for number in range(16))}}}
{PARTED}preprocess:
  label:
    column: letter
    classes: [{", ".join(f'"{letter}"' for letter in string.ascii_uppercase)}]
  features: {{{", ".join(f"x{number}: number" for number in range(16))}}}
{SWEEP}""",
        "columns:\n  letter: {type: text, min_fraction: 1}\n"
        + "".join(f"  x{number}: {{type: integer, min: 0, max: 15}}\n" for number in range(16)),
        letters,
    ),
    "bank": Shape(
        "csv",
        f"""\
title: Bank, semicolons
{BUCKETS}ingest:
  separator: ";"
  encoding: latin-1
  columns: {{age: integer, job: text, euribor: number, contacted: boolean, comment: text, y: text}}
{PARTED}preprocess:
  label: {{column: y, classes: {{"no": ["no"], "yes": ["yes"]}}, positive: "yes"}}
  features: {{age: number, job: category, euribor: number, contacted: number, comment: text}}
{SWEEP}""",
        """\
columns:
  age: {type: integer, min: 17, max: 100}
  job: {type: text, domain: [admin., técnico, unknown]}
  euribor: {type: number}
  contacted: {type: boolean}
  comment: {type: text}
  y: {type: text, domain: ["no", "yes"]}
""",
        bank,
    ),
    "messages": Shape(
        "txt",
        f"""\
title: Messages, text only
{BUCKETS}ingest:
  separator: "\\t"
  quote: ""
  header: [kind, message]
  columns: {{kind: text, message: text}}
{PARTED}preprocess:
  label: {{column: kind, classes: [ham, spam], positive: spam}}
  features: {{message: text}}
{SWEEP}""",
        "label: {spam: {min: 0.05, max: 0.25}}\ncolumns:\n  kind: {type: text}\n  message: {type: text}\n",
        messages,
    ),
    "trips": Shape(
        "parquet",
        f"""\
title: Trips, Parquet
{BUCKETS}ingest:
  columns: {{start: time, distance: number, passengers: integer, shared: boolean, zone: text, tip: integer}}
{PARTED}preprocess:
  label: {{column: tip, classes: [0, 1], positive: "1"}}
  features: {{start: season, distance: number, passengers: category, shared: number, zone: category}}
{SWEEP}""",
        """\
columns:
  start: {type: time, min_fraction: 1}
  distance: {type: number, min: 0}
  passengers: {type: integer, domain: [1, 2, 3, 4, 5]}
  shared: {type: boolean}
  zone: {type: text}
  tip: {type: integer, domain: [0, 1]}
""",
        trips,
    ),
    "series": Shape(
        "jsonl",
        f"""\
title: Readings, JSON lines, windows of four
{BUCKETS}ingest:
  columns: {{sensor: text, at: time, load: number, alarm: text}}
  window: {{key: [sensor], order: at, columns: [load], size: 4, complete: true}}
  split:
    key: [sensor]
    buckets: {{train: 3, eval: 1, test: 1}}
preprocess:
  label: {{column: alarm, classes: ["off", "on"], positive: "on"}}
  features: {{load: number, load@1: number, load@2: number, load@3: number}}
{SWEEP}""",
        """\
columns:
  sensor: {type: text}
  at: {type: time}
  load: {type: number, min: -500, max: 500}
  load@1: {type: number}
  load@2: {type: number}
  load@3: {type: number}
  alarm: {type: text, domain: ["off", "on"]}
""",
        series,
    ),
    "deliveries": Shape(
        "csv",
        f"""\
title: Deliveries, a road net and word vectors beside the rows
{BUCKETS}ingest:
  columns: {{town: text, note: text, late: text}}
{PARTED}preprocess:
  label: {{column: late, classes: ["no", "yes"], positive: "yes"}}
  edges:
    roads.csv: {{size: 4}}
  features:
    town: {{kind: node, edges: roads.csv}}
    note:
      - {{kind: vectors, source: glove.txt}}
      - {{kind: vectors, size: 3, weight: idf}}
      - {{kind: text, ngrams: [1, 2], terms: 5, buckets: 4, stop_words: [the]}}
{SWEEP}""",
        "columns:\n  town: {type: text}\n  note: {type: text}\n  late: {type: text}\n",
        deliveries,
    ),
}


def make(root: Path, name: str, rows: int) -> None:
    """Add the case *name* with that many rows to the checkout at *root*."""
    shape, folder = SHAPES[name], root / "data" / name
    folder.mkdir()
    (root / f"config/cases/{name}.yaml").write_text(shape.case, encoding="utf-8")
    (folder / "schema.yaml").write_text(shape.schema, encoding="utf-8")
    shape.write(folder / f"all-rows.{shape.ending}", rows)
    write_pointer(folder / f"all-rows.{shape.ending}")
