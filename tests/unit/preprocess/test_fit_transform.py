"""The graph of all columns: checked against scikit-learn, the same for any order of the columns, run over a split."""

import datetime
import random
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from scripts.bundle import table as module
from scripts.bundle.encode import encode_rows, encode_table
from scripts.bundle.feature_matrix import load_features
from scripts.bundle.table import read_table
from scripts.errors import InputError
from scripts.preprocess import transform
from scripts.preprocess.feature import plan_features
from scripts.preprocess.fit import assert_same_features
from scripts.provenance.canonical import file_digest, read_json
from tests import features as made_features
from tests.features import completed
from tests.tiny import COLUMNS, rows

FEATURES = {"weight": "number", "colour": "category", "note": "text", "day": "season"}
LABEL = {"column": "late", "classes": {"yes": ["yes"], "no": ["no"]}, "positive": "yes"}


def table(path: Path, content: list[list[str]], weight: str = "weight") -> Path:
    """Write made-up rows as ingest would."""
    columns = dict(zip(COLUMNS, zip(*content, strict=True), strict=True))
    path.mkdir(parents=True, exist_ok=True)
    typed = {
        weight: [float(value) if value else None for value in columns["weight"]],
        "colour": list(columns["colour"]),
        "note": [value or None for value in columns["note"]],
        "day": [datetime.date.fromisoformat(value) for value in columns["day"]],
        "late": [value or None for value in columns["late"]],
    }
    pq.write_table(pa.table(typed), path / "part-00000.parquet")
    return path


def fitted(
    folder: Path, tables: list[Path], features: dict = FEATURES, label: dict = LABEL, **limits: int
) -> tuple[bytes, dict]:
    """Return the bytes of the graph and the contract fitted on *tables*."""
    contract = made_features.fitted(folder, tables, tables[:1], features, label, **limits)
    return (folder / "graph.onnx").read_bytes(), contract


@pytest.fixture
def tables(tmp_path) -> list[Path]:
    """Return the tables of two spans."""
    return [table(tmp_path / year / "all", rows(year, 60)) for year in ("2001", "2002")]


def test_contract_names_columns_classes_and_features(tmp_path, tables):
    content, contract = fitted(tmp_path, tables)
    assert list(contract["columns"]) == ["colour", "day", "note", "weight"]
    assert contract["columns"]["day"] == {"type": "date", "tensor": "number"}
    assert contract["columns"]["colour"]["known"] == ["blue", "green", "red"] and contract["columns"]["note"]["words"]
    assert contract["graph"] == file_digest(tmp_path / "graph.onnx")
    assert contract["classes"] == ["no", "yes"] and contract["positive"] == "yes"
    assert contract["features"][:5] == ["colour=blue", "colour=green", "colour=red", "day sine", "day cosine"]
    session = onnxruntime.InferenceSession(content)
    assert session.get_outputs()[0].shape[1] == len(contract["features"]) == 3 + 2 + 12 + 2
    assert {item.name: item.shape[1] for item in session.get_inputs()} == dict.fromkeys(FEATURES, 1)


def test_order_of_columns_does_not_change_the_graph(tmp_path, tables):
    before = fitted(tmp_path, tables)
    assert fitted(tmp_path, tables, dict(reversed(FEATURES.items()))) == before


def test_order_of_rows_changes_no_word_and_no_feature_beyond_rounding(tmp_path, tables):
    content, contract = fitted(tmp_path, tables)
    mixed = rows("2001", 60) + rows("2002", 60)
    random.Random(0).shuffle(mixed)
    other, again = fitted(tmp_path, [table(tmp_path / "mixed/all", mixed)])
    assert again == contract
    data = encode_table(read_table(tables[:1]), contract)
    one, two = (onnxruntime.InferenceSession(graph).run(None, data)[0] for graph in (content, other))
    assert np.allclose(one, two, atol=1e-12)


@pytest.mark.feature("T1")
def test_other_splits_do_not_change_the_graph(tmp_path, tables):
    before = fitted(tmp_path, tables)
    other = table(tmp_path / "2009/all", rows("2009", 60)[::-1])
    made_features.fitted(tmp_path, tables, [other], FEATURES, LABEL)
    assert (tmp_path / "graph.onnx").read_bytes() == before[0]


@pytest.mark.feature("T7")
def test_graph_of_spans_is_the_graph_of_one_table(tmp_path, tables):
    before = fitted(tmp_path, tables)
    whole = [table(tmp_path / "both/all", rows("2002", 60) + rows("2001", 60))]
    assert fitted(tmp_path, whole) == before == fitted(tmp_path, tables[::-1])


@pytest.mark.feature("T2")
def test_contract_keeps_the_map_of_the_labels(tmp_path, tables):
    assert fitted(tmp_path, tables)[1]["label"] == LABEL


@pytest.mark.feature("T2")
def test_unknown_label_stops_the_run_if_asked(tmp_path, tables):
    content = rows("2001", 20)
    content[4][-1], content[5][-1] = "perhaps", ""
    part = [table(tmp_path / "part/all", content)]
    stop = LABEL | {"unknown": "stop"}
    with pytest.raises(
        InputError, match="1 rows have a late that belongs to no class, the first is 'perhaps'; name it"
    ):
        fitted(tmp_path, part, label=stop)
    fitted(tmp_path, part)
    with pytest.raises(InputError, match="1 rows have a late"):
        run(tmp_path, part, stop)
    assert len(run(tmp_path, part)[1]) == 18


@pytest.mark.feature("T6")
def test_statistics_of_features(tmp_path, tables, monkeypatch):
    fitted(tmp_path, tables)
    x, _ = run(tmp_path, tables)
    made = read_json(tmp_path / "statistics.json")
    dense = x.toarray()
    trained = read_json(tmp_path / "schema.json")["features"]
    assert made["rows"] == 120 and [own["name"] for own in made["features"]] == [own["name"] for own in trained]
    for column, (own, known) in enumerate(zip(made["features"], trained, strict=True)):
        values = dense[:, column]
        assert own["mean"] == pytest.approx(values.mean(), abs=1e-11) and own["sd"] == pytest.approx(values.std())
        assert own["min"] == pytest.approx(values.min()) and known["max"] == own["max"] == pytest.approx(values.max())
        assert own["zeros"] == (values == 0).sum()
        count = len(np.unique(values))
        assert own["distinct"] == (count if count <= 100 else None)
    before = (tmp_path / "statistics.json").read_bytes()
    monkeypatch.setattr(module, "BATCH", 7)
    monkeypatch.setattr(transform, "COLUMN_BLOCKS", 1000)
    run(tmp_path, [table(tmp_path / "turned/all", (rows("2001", 60) + rows("2002", 60))[::-1])])
    assert (tmp_path / "statistics.json").read_bytes() == before


@pytest.mark.feature("T6")
def test_feature_that_is_no_number_stops_with_column_and_row():
    x = sparse.csr_matrix(np.array([[0, 1, 0], [2, 0, np.inf]]))
    with pytest.raises(InputError, match="feature c is inf in row 1 of the rows with a label; 1 values in all"):
        transform.check_finite(x, ["a", "b", "c"])


@pytest.mark.feature("T6")
def test_feature_far_outside_the_training_range_is_named(tmp_path, tables, capsys):
    fitted(tmp_path, tables)
    run(tmp_path, tables)
    assert "warning" not in capsys.readouterr().err
    heavy = [[*row[:1], "900", *row[2:]] for row in rows("2001", 20)]
    run(tmp_path, [table(tmp_path / "part/all", heavy)])
    assert "warning: feature weight lies between 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "row",
    [
        {"weight": None, "colour": None, "note": None, "day": None},
        {"weight": 1e30, "colour": "never seen", "note": "unheard of", "day": "9999-12-31"},
        {"weight": -0.0, "colour": "", "note": "", "day": "0001-01-01"},
    ],
)
def test_one_strange_row_has_finite_features(tmp_path, tables, row):
    content, contract = fitted(tmp_path, tables)
    made = onnxruntime.InferenceSession(content).run(None, encode_rows([row], contract))[0]
    assert made.shape == (1, len(contract["features"])) and np.isfinite(made).all()


def test_difference_between_onnx_and_scikit_learn_is_named():
    values = np.array([[1.0], [2.0], [np.nan]])
    (weight,) = plan_features(completed({"weight": "number"}), LABEL)
    right = weight.kind.fit(weight.kind.summarize(values, None, weight.options), weight.options, iter)
    features = right.transform(values)
    assert_same_features(weight, right, values, features)
    features[1, 0] += 2e-6
    with pytest.raises(
        InputError,
        match=r"weight \(number\): ONNX differs from the fitted transformer by 2e-06 in eval row 8 \(\[2\.0\]\)",
    ):
        assert_same_features(weight, right, values, features, "eval row 7")
    features[1, 0] = np.nan
    with pytest.raises(InputError, match="ONNX differs from the fitted transformer by nan"):
        assert_same_features(weight, right, values, features)


def run(folder: Path, tables: list[Path], label: dict = LABEL):
    """Return features and classes of *tables* by the graph in *folder*."""
    made_features.transformed(folder, tables, folder / "features.npz", label)
    return load_features(folder / "features.npz")


def test_features_of_a_split_are_the_graphs(tmp_path, tables, monkeypatch):
    content, contract = fitted(tmp_path, tables)
    x, y = run(tmp_path, tables)
    data = encode_table(read_table(tables), contract)
    assert (x.toarray() == onnxruntime.InferenceSession(content).run(None, data)[0]).all()
    assert y.tolist() == [int(row[-1] == "yes") for year in ("2001", "2002") for row in rows(year, 60)]
    before = (tmp_path / "features.npz").read_bytes()
    for batch in (1, 7, 120, 121):
        monkeypatch.setattr(module, "BATCH", batch)
        run(tmp_path, tables)
        assert (tmp_path / "features.npz").read_bytes() == before


def test_rows_of_no_class_are_left_out(tmp_path, tables):
    fitted(tmp_path, tables)
    content = rows("2001", 20)
    for index in (0, 5, 19):
        content[index][-1] = ["", "perhaps"][index % 2]
    part = [table(tmp_path / "part/all", content)]
    x, y = run(tmp_path, part)
    assert x.shape[0] == len(y) == 17
    whole, _ = run(tmp_path, [tables[0]])
    labelled = [index for index in range(20) if index not in (0, 5, 19)]
    assert np.allclose(x.toarray(), whole.toarray()[labelled], rtol=0, atol=1e-15)
    none = {"column": "late", "classes": {"a": ["x"], "b": ["y"]}}
    with pytest.raises(InputError, match="no row of span part has a label of no, yes; widen the window"):
        run(tmp_path, part, none)


def test_missing_label_can_be_a_class(tmp_path, tables):
    fitted(tmp_path, tables)
    content = rows("2001", 20)
    for row in content:
        row[-1] = "" if row[-1] == "no" else "any word"
    label = {"column": "late", "classes": {"no": [None], "yes": ["*"]}}
    x, y = run(tmp_path, [table(tmp_path / "part/all", content)], label)
    assert x.shape[0] == 20 and y.tolist() == [int(row[-1] == "yes") for row in rows("2001", 20)]


def test_column_called_features(tmp_path, tables):
    with pytest.raises(InputError, match="a column cannot be called features"):
        fitted(tmp_path, [table(tmp_path / "x/all", rows("2001", 9), "features")], {"features": "number"})


TYPED = pa.table(
    {
        "i": pa.array([3, 7, None, 7, 3, 2**40] * 4, pa.int64()),
        "b": pa.array([True, False, None] * 8),
        "m": pa.array([datetime.datetime(2001, month, 1, 12) for month in range(1, 13)] * 2, pa.timestamp("us")),
        "n": pa.array([1.5] * 24),
        "t": pa.array(["a b", None, "b c", "c"] * 6),
        "y": pa.array([*range(1, 6), None] * 4, pa.int64()),
    }
)
OF_Y = {"column": "y", "classes": {"low": ["1", "2"], "mid": ["3"], "top": ["4"], "never": ["9"]}, "positive": None}


@pytest.mark.slow
@pytest.mark.parametrize(
    "features",
    [
        {"i": "category", "b": "category", "m": "season", "n": "number", "t": "text"},
        {"i": "number", "b": "number"},
        {"t": "text"},
        {"m": "season"},
        {"n": "number"},
        {"t": "category", "n": "number"},
    ],
)
def test_columns_of_every_type_and_classes_of_any_number(tmp_path, features):
    folder = tmp_path / "2001/all"
    folder.mkdir(parents=True)
    pq.write_table(TYPED, folder / "part-00000.parquet")
    content, contract = fitted(tmp_path, [folder], features, OF_Y)
    assert contract["classes"] == ["low", "mid", "never", "top"] and contract["positive"] is None
    types = {"i": "integer", "b": "boolean", "m": "time", "n": "number", "t": "text"}
    assert {name: spec["type"] for name, spec in contract["columns"].items()} == {
        name: types[name] for name in features
    }
    x, y = run(tmp_path, [folder], OF_Y)
    assert y.tolist() == [0, 0, 1, 3] * 4 and x.shape == (16, len(contract["features"]))
    labelled = TYPED.filter(pc.is_in(TYPED["y"], pa.array([1, 2, 3, 4])))
    asked = [
        {name: value.isoformat() if name == "m" else value for name, value in row.items()}
        for row in labelled.select(list(features)).to_pylist()
    ]
    online = onnxruntime.InferenceSession(content).run(None, encode_rows(asked, contract))[0]
    assert np.abs(x.toarray() - online).max() < 1e-15


def test_integers_and_booleans_as_categories_are_named_by_their_text(tmp_path):
    folder = tmp_path / "2001/all"
    folder.mkdir(parents=True)
    pq.write_table(TYPED, folder / "part-00000.parquet")
    _, contract = fitted(tmp_path, [folder], {"i": "category", "b": "category"}, OF_Y, min_count=5)
    assert contract["features"] == ["b=(missing)", "b=false", "b=true", "i=3", "i=7"]


def test_training_split_without_rows(tmp_path):
    folder = tmp_path / "2001/all"
    folder.mkdir(parents=True)
    pq.write_table(TYPED[:0], folder / "part-00000.parquet")
    with pytest.raises(InputError, match="span 2001 has no rows; nothing can be fitted"):
        fitted(tmp_path, [folder], {"n": "number"}, OF_Y)
