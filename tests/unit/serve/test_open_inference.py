"""Tensors of the Open Inference Protocol to rows: datatypes, missing values, limits, and what is refused."""

import math
import struct
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scripts.errors import ContractError
from scripts.serve.http_request import HTTPError
from scripts.serve.model_metadata import SERVER_VERSION
from scripts.serve.open_inference import (
    DATATYPES,
    FLOATS,
    NUMBERS,
    NUMPY_TYPES,
    Tensor,
    check_elements,
    check_tensor,
    decode_raw,
    encode_raw,
    read_rows,
)

TYPES = ("number", "integer", "boolean", "text", "date", "time")
CONTRACT = {"columns": {dtype: {"type": dtype, "tensor": "number"} for dtype in TYPES}}
pytestmark = pytest.mark.feature("S21")


def column(dtype: str, datatype: str, values: list) -> list:
    """Return what the rows of a model with the single column *dtype* hold if it is sent as *values* of *datatype*."""
    model = SimpleNamespace(contract={"columns": {dtype: CONTRACT["columns"][dtype]}})
    return [row[dtype] for row in read_rows([Tensor(dtype, datatype, (len(values), 1), values)], model)]


def same(got: list, expected: list) -> bool:
    """Return whether two lists hold equal values of the same types."""
    return got == expected and [*map(type, got)] == [*map(type, expected)]


def test_there_are_thirteen_datatypes():
    assert len(DATATYPES) == len(set(DATATYPES)) == 13
    assert {np.dtype(code).itemsize for code in NUMPY_TYPES.values()} == {1, 2, 4, 8}


@pytest.mark.parametrize("datatype", NUMBERS)
def test_json_and_raw_elements_of_a_number_are_the_same(datatype):
    values = [0.1, -2.5, 1e4] if datatype in FLOATS else [0, 1, int(np.iinfo(NUMPY_TYPES[datatype]).max)]
    raw = np.array(values, NUMPY_TYPES[datatype]).tobytes()
    decoded = decode_raw("number", datatype, (3,), raw)
    assert same(decoded.values, check_elements("number", datatype, values))
    assert same(column("number", datatype, decoded.values), decoded.values)
    assert encode_raw(decoded) == raw


@pytest.mark.parametrize("datatype", [name for name in NUMBERS if name not in FLOATS])
def test_integers_have_the_limits_of_their_datatype(datatype):
    limits = np.iinfo(NUMPY_TYPES[datatype])
    low, high = int(limits.min), int(limits.max)
    assert check_elements("x", datatype, [low, high, None]) == [low, high, None]
    for wrong in (low - 1, high + 1, 1.0, True, "1", [1]):
        with pytest.raises(HTTPError, match=rf"input 'x': element 1 must be an integer from {low} to {high}"):
            check_elements("x", datatype, [0, wrong])


@pytest.mark.parametrize(
    ("datatype", "wrong"),
    [("FP16", 65536), ("FP32", 3.5e38), ("FP64", "1"), ("FP64", True), ("BOOL", 1), ("BYTES", 1), ("BYTES", ["a"])],
)
def test_elements_of_another_kind_are_refused_with_their_place(datatype, wrong):
    with pytest.raises(HTTPError, match=rf"input 'x': element 0 must be .* \({datatype}\) or null, got"):
        check_elements("x", datatype, [wrong])


def test_missing_values():
    nan = math.nan
    assert same(column("number", "FP64", [1.5, nan, None]), [1.5, None, None])
    assert same(column("integer", "FP64", [3.0, nan, None]), [3, None, None])
    assert same(column("boolean", "FP32", [0.0, 1.0, nan]), [False, True, None])
    assert same(column("boolean", "BOOL", [True, None]), [True, None])
    assert same(column("date", "BYTES", ["1996-09-30", "", None]), ["1996-09-30", None, None])
    assert same(column("text", "BYTES", ["", "a", None]), ["", "a", None])  # an empty text is a text


def test_a_float_that_is_no_integer_stays_one_so_that_it_is_refused_like_that_of_json():
    values = [1.5, 2.0**53 + 2, math.inf, -1e300]
    assert same(column("integer", "FP64", values), values)
    assert same(column("boolean", "FP64", [2.0]), [2.0])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("datatype", DATATYPES)
def test_a_column_takes_the_datatypes_of_its_type_and_no_others(dtype, datatype):
    if dtype in ("text", "date", "time"):
        taken = datatype == "BYTES"
    else:
        taken = datatype in FLOATS or (datatype == "BOOL" if dtype == "boolean" else datatype in NUMBERS)
    if taken:
        assert column(dtype, datatype, [None]) == [None]
    else:
        with pytest.raises(HTTPError, match=f"input '{dtype}': a {dtype} column takes .*, got {datatype}"):
            column(dtype, datatype, [None])


def test_texts_are_utf_8_with_their_length_before_them():
    raw = struct.pack("<I", 3) + b"a\xc3\xa9" + struct.pack("<I", 0)
    tensor = decode_raw("x", "BYTES", (2, 1), raw)
    assert tensor.values == ["aé", ""] and encode_raw(tensor) == raw


@pytest.mark.parametrize(
    "raw",
    [b"", b"\1", struct.pack("<I", 1), struct.pack("<I", 2**32 - 1) + b"a", struct.pack("<I", 1) + b"ab", b"\0" * 8],
)
def test_texts_that_are_not_as_many_as_the_shape_says_are_refused(raw):
    with pytest.raises(HTTPError, match="input 'x': 1 elements of BYTES"):
        decode_raw("x", "BYTES", (1,), raw)


@pytest.mark.parametrize(
    ("datatype", "raw", "words"),
    [
        ("FP64", b"\0" * 7, "8 bytes, 1 elements of FP64, were expected, got 7 bytes"),
        ("INT8", b"\0" * 2, "1 bytes, 1 elements of INT8, were expected, got 2 bytes"),
        ("BOOL", b"\2", "each byte of BOOL must be 0 or 1"),
        ("BYTES", struct.pack("<I", 1) + b"\xff", "element 0 is not UTF-8"),
    ],
)
def test_raw_elements_that_cannot_be_read_are_refused(datatype, raw, words):
    with pytest.raises(HTTPError, match=words):
        decode_raw("x", datatype, (1,), raw)


@pytest.mark.parametrize("shape", [[], [1, 1, 1], [2, 2], [-1], [1.0], [True], ["1"], [None], [[1]]])
def test_the_shape_is_that_of_a_column(shape):
    with pytest.raises(HTTPError, match=r"input 'x': shape \[rows\] or \[rows, 1\] was expected"):
        check_tensor("x", "FP64", shape)


def test_limits():
    with pytest.raises(HTTPError, match="10001 rows, at most 10000") as refused:
        check_tensor("x", "FP64", [10_001, 1])
    assert refused.value.status == 413
    for datatype in ("BF16", "fp64", "", None, 3, ["FP64"]):
        with pytest.raises(HTTPError, match=r"datatype .* is none of BOOL"):
            check_tensor("x", datatype, [1])


def test_tensors_are_the_columns_of_the_model():
    model = SimpleNamespace(contract={"columns": {name: CONTRACT["columns"][name] for name in ("number", "text")}})
    number, text = Tensor("number", "FP64", (2,), [1.0, 2.0]), Tensor("text", "BYTES", (2, 1), ["a", "b"])
    assert read_rows([text, number], model) == [{"text": "a", "number": 1.0}, {"text": "b", "number": 2.0}]
    with pytest.raises(ContractError, match="input 'text' is missing: the model takes 'number', 'text'"):
        read_rows([number], model)
    with pytest.raises(ContractError, match="input 'speed' is no column of the model, which takes 'number', 'text'"):
        read_rows([number, text, Tensor("speed", "FP64", (2,), [1.0, 2.0])], model)
    with pytest.raises(HTTPError, match="input 'text' was sent twice"):
        read_rows([text, text], model)
    with pytest.raises(HTTPError, match="input 'text' has 1 rows, 'number' has 2"):
        read_rows([number, Tensor("text", "BYTES", (1,), ["a"])], model)


def test_the_version_of_the_server_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["version"] == SERVER_VERSION
