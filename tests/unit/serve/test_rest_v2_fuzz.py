"""Any body and any message is answered or refused: no other error ever leaves the code that reads requests."""

import json
from types import SimpleNamespace

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.bundle.encode import encode_rows
from scripts.errors import ContractError
from scripts.serve import open_inference_pb2 as v2
from scripts.serve.grpc_open_inference import read_inputs
from scripts.serve.http_request import HTTPError
from scripts.serve.open_inference import DATATYPES, NUMPY_TYPES, Tensor, decode_raw, encode_raw, read_rows
from scripts.serve.rest_v2 import parse_request

TYPES = ("number", "integer", "boolean", "text", "date", "time")
COLUMNS = {f"a {dtype}": {"type": dtype, "tensor": "text" if dtype == "text" else "number"} for dtype in TYPES}
MODEL = SimpleNamespace(contract={"columns": COLUMNS})
pytestmark = [pytest.mark.feature("S21"), pytest.mark.slow]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["1996-09-30", "1996-09-30T23:59:00", 2**53 + 1, 2**64, 0, 1, -1, 1e308])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
datatypes = st.sampled_from(DATATYPES) | anything
names = st.sampled_from([*COLUMNS, "a stranger"]) | anything
shapes = st.sampled_from([[1], [1, 1], [2], [2, 1], [0]]) | anything
sizes = st.integers(-1, 20) | anything
parameters = st.dictionaries(
    st.sampled_from(["binary_data_size", "binary_data", "classification", "x"]), sizes, max_size=2
)
items = st.fixed_dictionaries(
    {"name": names},
    optional={
        "datatype": datatypes,
        "shape": shapes,
        "data": st.lists(scalars, min_size=1, max_size=2) | anything,
        "parameters": parameters | anything,
    },
)
requests = st.fixed_dictionaries(
    {"inputs": st.lists(items, max_size=7) | anything},
    optional={
        "id": anything,
        "parameters": st.fixed_dictionaries({}, optional={"binary_data_output": anything, "sequence_id": anything})
        | anything,
        "outputs": st.lists(items, max_size=2) | anything,
    },
)


def read(body: bytes, length: bytes | None) -> None:
    """Read a request as the server does, up to the tensors of the model."""
    try:
        encode_rows(read_rows(parse_request(body, length).inputs, MODEL), MODEL.contract)
    except (HTTPError, ContractError) as error:
        assert str(error) and len(str(error)) < 1000


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(requests | anything, st.binary(max_size=40), st.sampled_from(["none", "right", "wrong"]))
def test_any_json_is_read_or_refused(value, rest, header):
    text = json.dumps(value).encode()
    length = {"none": None, "right": str(len(text)).encode(), "wrong": b"7"}[header]
    read(text + rest if header != "none" else text, length)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.none() | st.binary(max_size=12))
def test_any_bytes_are_read_or_refused(body, length):
    read(body, length)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(DATATYPES), st.integers(0, 5), st.binary(max_size=48))
def test_any_raw_tensor_is_read_or_refused_and_is_written_as_it_was(datatype, count, raw):
    try:
        tensor = decode_raw("x", datatype, (count,), raw)
    except HTTPError as error:
        assert "input 'x'" in str(error)
        return
    assert len(tensor.values) == count
    if datatype == "BYTES" or not any(value != value for value in tensor.values):
        assert encode_raw(tensor) == raw
    for dtype in TYPES:
        name = f"a {dtype}"
        model = SimpleNamespace(contract={"columns": {name: COLUMNS[name]}})
        try:
            encode_rows(read_rows([Tensor(name, datatype, (count,), tensor.values)], model), model.contract)
        except (HTTPError, ContractError) as error:
            assert name in str(error) or "at least one row" in str(error)


inputs = st.builds(
    v2.ModelInferRequest.InferInputTensor,
    name=st.sampled_from([*COLUMNS, ""]),
    datatype=st.sampled_from([*DATATYPES, "", "x"]),
    shape=st.lists(st.integers(-1, 3), max_size=3),
    contents=st.none()
    | st.builds(
        v2.InferTensorContents,
        int_contents=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=2),
        fp64_contents=st.lists(st.floats(), max_size=2),
        bytes_contents=st.lists(st.binary(max_size=3), max_size=2),
        bool_contents=st.lists(st.booleans(), max_size=2),
    ),
)
messages = st.builds(
    v2.ModelInferRequest,
    inputs=st.lists(inputs, max_size=7),
    raw_input_contents=st.lists(st.binary(max_size=20), max_size=7),
)


def read_message(message: v2.ModelInferRequest) -> None:
    """Read a message as the server does, up to the tensors of the model."""
    try:
        encode_rows(read_rows(read_inputs(message), MODEL), MODEL.contract)
    except (HTTPError, ContractError) as error:
        assert str(error) and len(str(error)) < 1000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(messages)
def test_any_message_is_read_or_refused(message):
    read_message(message)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_a_message_or_none(raw):
    try:
        message = v2.ModelInferRequest.FromString(raw)
    except DecodeError:
        return
    read_message(message)


def test_extreme_numbers_of_every_datatype_are_read_or_refused():
    for datatype, code in NUMPY_TYPES.items():
        width = int(code[-1]) if code != "?" else 1
        for pattern in (b"\0", b"\xff", b"\x7f", b"\x80", b"\1"):
            try:
                tensor = decode_raw("a number", datatype, (1,), pattern * width)
                model = SimpleNamespace(contract={"columns": {"a number": COLUMNS["a number"]}})
                encode_rows(read_rows([tensor], model), model.contract)
            except (HTTPError, ContractError) as error:
                assert "a number" in str(error)
