"""The graph builder: unique names, the same bytes for the same calls, models that can be merged."""

import numpy as np
import onnx
import onnxruntime
import pytest

from scripts.bundle.onnx_builder import Builder, build_model, merge_models, to_bytes


def scaled(factor: float, prefix: str = "", given: str = "x", output: str = "y") -> onnx.ModelProto:
    """Return a model that multiplies by *factor* twice."""
    builder = Builder(prefix)
    once = builder.add("Mul", given, builder.constant(np.array([[factor]], np.float64)))
    builder.add("Mul", once, builder.constant(np.array([[factor]], np.float64)), output=output)
    return build_model(builder, {given: ("number", 1)}, {output: 1})


def test_names_do_not_clash():
    builder = Builder("a/")
    names = [builder.add("Neg", "x") for _ in range(3)] + [builder.constant([1.0]), builder.constant([2.0])]
    assert len(set(names)) == 5 and all(name.startswith("a/") for name in names)


def test_same_calls_same_bytes():
    assert to_bytes(scaled(2)) == to_bytes(scaled(2)) != to_bytes(scaled(3))


def test_joined_models_run_as_one():
    whole = merge_models(scaled(2, "a/"), scaled(3, "b/", "y", "z"), "y")
    session = onnxruntime.InferenceSession(to_bytes(whole))
    assert [item.name for item in session.get_inputs()] == ["x"]
    assert session.run(["z"], {"x": np.array([[1], [2]], np.float64)})[0].tolist() == [[36], [72]]


def test_wrong_graph_is_refused_at_once():
    builder = Builder()
    builder.add("Mul", "x", "nowhere", output="y")
    with pytest.raises(onnx.checker.ValidationError, match="nowhere"):
        build_model(builder, {"x": ("number", 1)}, {"y": 1})


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 11])
def test_a_row_has_the_same_bits_at_each_place(width):
    builder = Builder()
    parts = [builder.apply(name, "x", width) for name in ("Sigmoid", "Exp", "Log", "Sin", "Cos")]
    parts += [builder.sum_columns("x", width), builder.normalize_rows("x", width)]
    builder.add("Concat", *parts, axis=1, output="y")
    model = build_model(builder, {"x": ("number", width)}, {"y": 6 * width + 1})
    used = {name for node in model.graph.node for name in node.input}
    assert {constant.name for constant in model.graph.initializer} <= used
    session = onnxruntime.InferenceSession(to_bytes(model))
    x = np.random.default_rng(0).gamma(1, 2, (99, width))
    together = session.run(None, {"x": x})[0]
    expected = [1 / (1 + np.exp(-x)), np.exp(x), np.log(x), np.sin(x), np.cos(x), x.sum(axis=1, keepdims=True)]
    expected.append(x / np.linalg.norm(x, axis=1, keepdims=True))
    assert np.allclose(together, np.hstack(expected), rtol=1e-14, atol=1e-15)
    for first, last in [(row, row + 1) for row in range(99)] + [(1, 99), (3, 8), (2, 5)]:
        part = session.run(None, {"x": x[first:last]})[0]
        assert part.tobytes() == together[first:last].tobytes()
