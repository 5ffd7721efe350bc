"""Tables of thousands of columns: no step takes time that grows with the square of their number."""

import time

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
from scipy import sparse

from scripts.bundle.onnx_session import Session
from scripts.ingest.csv_format import check_columns, deduplicate_header
from scripts.preprocess.feature import input_columns, plan_features
from scripts.preprocess.fit import build_graph
from scripts.schema.check_table import applicable_rules
from scripts.schema.rules import Rule
from tests.features import completed


def make_graph(columns: int, rows: int = 20) -> tuple[bytes, dict[str, np.ndarray], np.ndarray]:
    """Return the graph of numbers, each third with missing values, with one text, and its inputs and features."""
    rng = np.random.default_rng(0)
    names = [f"x{number}" for number in range(columns)]
    plan = plan_features(completed(dict.fromkeys(names, "number") | {"x5 text": "category"}), {"classes": None})
    data = {"x5 text": np.array([["a"], ["b"]] * (rows // 2), object)}
    for number, name in enumerate(names):
        values = rng.normal(number, 1 + number, (rows, 1))
        values[:: 5 if number % 3 == 0 else rows] = np.nan if number % 3 == 0 else 7.0
        data[name] = values
    fitted = []
    for feature in plan:
        values = feature.values(data)
        summary = feature.kind.summarize(values, None, feature.options)
        fitted.append(feature.kind.fit(feature.kind.merge([summary]), feature.options, lambda: iter(())))
    parts = [one.transform(feature.values(data)) for feature, one in zip(plan, fitted, strict=True)]
    features = np.hstack([part.toarray() if sparse.issparse(part) else part for part in parts])
    types = {name: "text" if values.dtype == object else "number" for name, values in data.items()}
    return build_graph(plan, fitted, input_columns(plan, types), features.shape[1]), data, features


def test_neighbouring_numbers_share_their_nodes():
    (few, *_), (content, data, features) = make_graph(30), make_graph(600)
    assert len(onnx.load_from_string(content).graph.node) == len(onnx.load_from_string(few).graph.node)
    assert (Session(content).run(["features"], data)[0] == features).all()


def test_a_call_takes_time_linear_in_the_number_of_inputs():
    content, data, _ = make_graph(1200, rows=2)

    def seconds(session: onnxruntime.InferenceSession) -> float:
        start = time.thread_time()
        session._validate_input(list(data))
        return time.thread_time() - start

    assert seconds(Session(content)) < seconds(onnxruntime.InferenceSession(content)) / 5
    with pytest.raises(ValueError, match="x17"):
        Session(content).run(None, {name: values for name, values in data.items() if name != "x17"})


def test_headers_are_checked_in_linear_time():
    names = [f"x{number}" for number in range(20_000)]
    rules = [Rule("OUT_OF_RANGE", name, "min", 0.0, "number") for name in names]
    start = time.thread_time()
    check_columns(names, dict.fromkeys(names, "number"), "refuse", "a.csv")
    assert deduplicate_header([*names, "x0"])[-1] == "x0 (column 20001)"
    schema = pa.schema([(name, pa.float64()) for name in names[1:]])
    assert applicable_rules(rules, dict.fromkeys(names, "number"), schema) == rules[1:]
    assert time.thread_time() - start < 1  # the square of the number would take seconds
