"""A bundle holds no text that only a single row has, whatever the features and the model: every byte is searched."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.provenance.canonical import write_json
from scripts.train.train import train
from tests.features import fitted, transformed

LABEL = {"column": "late", "classes": {"no": ["no"], "yes": ["yes"]}, "positive": "yes"}
SETTINGS = {
    "logistic": {"C": 1.0},
    "boosting": {"learning_rate": 0.2, "iterations": 5, "leaves": 3, "l2": 0.1},
    "neighbours": {"neighbours": 5, "weights": "uniform"},
}
ENCODINGS = ["onehot", "ordinal", "target", "hash"]


def table(path: Path, seed: int) -> Path:
    """Write 100 rows: in each, an address, a name and a phone number of its own, beside values that many rows share."""
    rng, path = np.random.default_rng(seed), path / "all"
    path.mkdir(parents=True)
    colour = rng.choice(["red", "green"], 100)
    columns = {
        "email": [f"person{seed}x{number}@example.org" for number in range(100)],
        "colour": [*colour[:99], f"lilac{seed}"],
        "note": [f"call Q{seed}q{number}son 0170{seed}55{number:03} {colour[number]}" for number in range(100)],
        "pay": [None if number % 9 else 83421.77 + 1000.13 * number + seed for number in range(100)],
        "late": ["yes" if (colour[number] == "red") ^ (number % 7 == 0) else "no" for number in range(100)],
    }
    pq.write_table(pa.table(columns), path / "part-00000.parquet")
    return path


def secrets() -> list[bytes]:
    """Return what must not occur in a bundle: parts of values of single rows, of either split."""
    texts = [f"person{seed}x{number}@" for seed in (1, 2) for number in range(100)] + ["lilac1", "lilac2", "@example"]
    texts += [f"q{seed}q{number}son" for seed in (1, 2) for number in range(100)]
    texts += [f"0170{seed}55{number:03}" for seed in (1, 2) for number in range(100)]
    texts += [f"{83421.77 + 1000.13 * number + seed:.2f}" for seed in (1, 2) for number in range(0, 100, 9)]
    return [text.encode() for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize("family", SETTINGS)
@pytest.mark.parametrize("more", [{}, {"rare": True}, {"unknown": "rare"}], ids=["plain", "rare", "unknown"])
def test_no_byte_of_a_bundle_tells_the_text_of_a_single_row(tmp_path, family, more):
    tables = {"train": [table(tmp_path / "train", 1)], "eval": [table(tmp_path / "eval", 2)]}
    own = [{"kind": "category", "encode": encode} | more for encode in ENCODINGS]
    features = {
        "email": [*own[:3], own[3] | {"n_features": 7}],
        "colour": own[0],
        "note": [{"kind": "text", "ngrams": [1, 2]}, {"kind": "text", "analyzer": "char", "ngrams": [2, 3]}, "vectors"],
        "both": {"kind": "cross", "columns": ["email", "colour"], "encode": "target"} | more,
        "pay": "number",
    }
    fitted(tmp_path, tables["train"], tables["eval"], features, LABEL, min_count=5, terms=2000)
    for split, paths in tables.items():
        transformed(tmp_path, paths, tmp_path / f"{split}.npz", LABEL)
    write_json(tmp_path / "best.json", {"family": family, "params": SETTINGS[family], "seed": 1})
    given = [tmp_path / "train.npz", tmp_path / "eval.npz", tables["eval"], tmp_path / "graph.onnx"]
    given += [tmp_path / "contract.json", tmp_path / "best.json", tmp_path / "bundle", tmp_path / "serving", "tiny"]
    train(*given, LABEL, 0, 200, 1e-5)
    content = {path.name: path.read_bytes().lower() for path in (tmp_path / "bundle").iterdir()}
    assert {"model.onnx", "contract.json", "golden.json"} <= content.keys()
    assert all(b"red" in content[name] for name in ("model.onnx", "contract.json", "golden.json"))
    found = [(name, secret) for name, data in content.items() for secret in secrets() if secret in data]
    assert not found
