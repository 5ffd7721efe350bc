"""Tensors of the Open Inference Protocol (V2) to raw rows, and predictions to tensors, for REST and gRPC alike.

A request has one input tensor for each column, of shape [rows] or [rows, 1]; its values become those of JSON rows, so
that they are cleaned, checked and encoded as those are. JSON's null, NaN of a floating-point tensor, and an empty text
for a date or time are missing values.
"""

import json
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.column_types import MAX_EXACT, list_values
from scripts.errors import ContractError
from scripts.schema.json_value import format_value
from scripts.serve.http_request import HTTPError
from scripts.serve.inference import check_row_count
from scripts.serve.model import Model, request_columns

NUMPY_TYPES = {
    "BOOL": "?",
    **{f"{sign}INT{8 * size}": f"<{code}{size}" for sign, code in (("U", "u"), ("", "i")) for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": f"<f{size}" for size in (2, 4, 8)},
}
DATATYPES = (*NUMPY_TYPES, "BYTES")
FLOATS = tuple(name for name in DATATYPES if name.startswith("FP"))
NUMBERS = tuple(name for name in DATATYPES if "INT" in name) + FLOATS
ACCEPTED = {  # datatypes by type of column, that of the metadata first
    "number": ("FP64", *NUMBERS),
    "integer": ("INT64", *NUMBERS),
    "boolean": ("BOOL", *FLOATS),
    "text": ("BYTES",),
    "date": ("BYTES",),
    "time": ("BYTES",),
}
FOREIGN = {  # parameters of other servers that change what a request means, and what to do instead
    "classification": "ask for the output probabilities",
    "sequence_id": "send all rows of a series in one request",
    "shared_memory_region": "send the tensor in the body",
}
BOOLEANS = {0.0: False, 1.0: True}
LENGTH = struct.Struct("<I")  # of an element of a BYTES tensor


def refuse(message: str) -> HTTPError:
    """Return the error of a request that does not follow the protocol."""
    return HTTPError(400, "INVALID_REQUEST", message)


def check_parameters(parameters: dict, what: str) -> None:
    """Raise HTTPError if *parameters* hold one that would change what a request means, but is not supported."""
    for name in FOREIGN:
        if parameters.get(name):
            raise refuse(f"{what}: the parameter {name} is not supported; {FOREIGN[name]}")


@dataclass(frozen=True)
class Tensor:
    """A tensor: its values in row-major order are numbers, booleans, texts or None."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: list


def check_tensor(name: str, datatype: Any, shape: Iterable[Any]) -> tuple[int, ...]:
    """Return the *shape* of an input tensor. Raises HTTPError unless it is that of a column and the datatype exists."""
    if datatype not in DATATYPES:
        known = ", ".join(DATATYPES)
        raise refuse(f"input {name[:80]!r}: datatype {format_value(datatype):.40} is none of {known}")
    sizes = tuple(shape)
    valid = all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in sizes)
    if not valid or not (len(sizes) == 1 or (len(sizes) == 2 and sizes[1] == 1)):
        raise refuse(f"input {name[:80]!r}: shape [rows] or [rows, 1] was expected, got {list(sizes)!r:.60}")
    check_row_count(sizes[0])
    return sizes


def decode_raw(name: str, datatype: str, shape: tuple[int, ...], raw: bytes) -> Tensor:
    """Return the tensor of *raw* little-endian elements; those of BYTES have their length before them as uint32.

    Raises HTTPError if they are not as many as *shape* says, or texts that are not UTF-8.
    """
    count = math.prod(shape)
    if datatype == "BYTES":
        return Tensor(name, datatype, shape, decode_texts(name, split_elements(name, raw, count)))
    dtype = np.dtype(NUMPY_TYPES[datatype])
    if len(raw) != count * dtype.itemsize:
        expected = f"{count * dtype.itemsize} bytes, {count} elements of {datatype}"
        raise refuse(f"input {name[:80]!r}: {expected}, were expected, got {len(raw)} bytes")
    if datatype == "BOOL" and raw.strip(b"\0\1"):
        raise refuse(f"input {name[:80]!r}: each byte of BOOL must be 0 or 1")
    return Tensor(name, datatype, shape, np.frombuffer(raw, dtype).tolist())


def split_elements(name: str, raw: bytes, count: int) -> list[bytes]:
    """Return the *count* elements of a BYTES tensor. Raises HTTPError if *raw* is shorter or longer."""
    elements, at = [], 0
    try:
        for _ in range(count):
            start = at + LENGTH.size
            at = start + LENGTH.unpack_from(raw, at)[0]
            elements.append(raw[start:at])
        fits = at == len(raw)
    except struct.error:  # the length of an element lies beyond the end
        fits = False
    if not fits:
        expected = f"{count} elements of BYTES, each with its length before it as uint32"
        raise refuse(f"input {name[:80]!r}: {expected}, were expected in {len(raw)} bytes")
    return elements


def decode_texts(name: str, elements: list[bytes]) -> list[str]:
    """Return *elements* as texts. Raises HTTPError at the first that is not UTF-8."""
    try:
        return [element.decode() for element in elements]
    except UnicodeDecodeError:
        index = next(index for index, element in enumerate(elements) if not is_utf8(element))
        raise refuse(f"input {name[:80]!r}: element {index} is not UTF-8") from None


def is_utf8(content: bytes) -> bool:
    """Return whether *content* is a text in UTF-8."""
    return content.decode(errors="replace").encode() == content


def element_check(datatype: str) -> tuple[Callable[[Any], bool], str]:
    """Return a function that says whether a JSON value is an element of *datatype*, and what is expected in words."""
    if datatype == "BOOL":
        return lambda value: isinstance(value, bool), "true or false"
    if datatype == "BYTES":
        return lambda value: isinstance(value, str), "a string"
    if datatype in FLOATS:
        limit = float(np.finfo(NUMPY_TYPES[datatype]).max)
        return (
            lambda value: type(value) in (int, float) and abs(value) <= limit,
            f"a number from {-limit:.4g} to {limit:.4g}",
        )
    limits = np.iinfo(NUMPY_TYPES[datatype])
    low, high = int(limits.min), int(limits.max)
    return lambda value: type(value) is int and low <= value <= high, f"an integer from {low} to {high}"


def check_elements(name: str, datatype: str, values: list) -> list:
    """Return JSON *values* as elements of *datatype*, rounded if that is FP16 or FP32; None is a missing value.

    Raises HTTPError at the first value that is no element.
    """
    is_element, expected = element_check(datatype)
    for index, value in enumerate(values):
        if value is not None and not is_element(value):
            message = f"element {index} must be {expected} ({datatype}) or null, got {format_value(value):.60}"
            raise refuse(f"input {name[:80]!r}: {message}")
    if datatype in ("FP16", "FP32"):
        known = [index for index, value in enumerate(values) if value is not None]
        rounded = np.array([values[index] for index in known], NUMPY_TYPES[datatype]).tolist()
        values = list(values)
        for index, value in zip(known, rounded, strict=True):
            values[index] = value
    return values


def read_column(tensor: Tensor, dtype: str) -> list:
    """Return the values of *tensor* as those of a JSON column of type *dtype*. Raises HTTPError on another datatype."""
    if tensor.datatype not in ACCEPTED[dtype]:
        taken = ", ".join(dict.fromkeys(ACCEPTED[dtype]))
        raise refuse(f"input {tensor.name[:80]!r}: a {dtype} column takes {taken}, got {tensor.datatype}")
    if tensor.datatype == "BYTES":
        return tensor.values if dtype == "text" else [value or None for value in tensor.values]
    if tensor.datatype not in FLOATS:
        return tensor.values
    values = [None if value != value else value for value in tensor.values]
    if dtype == "integer":
        return [int(value) if is_whole(value) else value for value in values]
    return [BOOLEANS.get(value, value) for value in values] if dtype == "boolean" else values


def is_whole(value: Any) -> bool:
    """Return whether *value* is a float that stands for one integer; others are refused as JSON's 1.5 would be."""
    return isinstance(value, float) and abs(value) <= MAX_EXACT and value.is_integer()


def read_rows(tensors: list[Tensor], model: Model) -> list[dict]:
    """Return the rows of input *tensors*. Raises HTTPError or ContractError unless they are columns of *model*."""
    needed = request_columns(model.contract)
    types = {name: spec["type"] for name, spec in model.contract["columns"].items()} | needed
    columns: dict[str, list] = {}
    for tensor in tensors:
        name, rows = tensor.name, tensors[0].shape[0]
        if name in columns:
            raise refuse(f"input {name[:80]!r} was sent twice; send one tensor for each column")
        if name not in types:
            message = f"input {name[:80]!r} is no column of the model, which takes {list_values(needed)}"
            raise ContractError("SCHEMA_NEW_COLUMN", message, name)
        if tensor.shape[0] != rows:
            first = tensors[0].name[:80]
            raise refuse(
                f"input {name[:80]!r} has {tensor.shape[0]} rows, {first!r} has {rows}; both must have as many"
            )
        columns[name] = read_column(tensor, types[name])
    missing = [name for name in needed if name not in columns]
    if missing and not columns.keys() - needed.keys():  # lag columns may come instead of what they are made of
        message = f"input {missing[0]!r} is missing: the model takes {list_values(needed)}"
        raise ContractError("SCHEMA_MISSING_COLUMN", message, missing[0])
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def describe_outputs(contract: dict) -> list[dict]:
    """Return name, datatype and shape of each output; the size of a dimension that varies is -1."""
    if contract["classes"]:
        values = [("label", "BYTES", [-1]), ("score", "FP64", [-1])]
        values += [("probabilities", "FP64", [-1, len(contract["classes"])])]
    else:
        values = [("prediction", "FP64", [-1])]
    values += [("flags", "BYTES", [-1])]
    return [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in values]


def choose_outputs(contract: dict, names: list[str] | None) -> list[dict]:
    """Return the descriptions of the outputs *names* (None: all). Raises HTTPError if one does not exist."""
    outputs = {output["name"]: output for output in describe_outputs(contract)}
    for name in names or ():
        if name not in outputs:
            raise refuse(f"output {name[:80]!r} does not exist; the model has {', '.join(outputs)}")
    return [outputs[name] for name in (outputs if names is None else names)]


def write_outputs(outputs: list[dict], predictions: list[dict]) -> list[Tensor]:
    """Return the chosen *outputs* of *predictions*; "flags" are JSON, or "" for a row that has none."""
    return [
        Tensor(
            output["name"],
            output["datatype"],
            (len(predictions), *output["shape"][1:]),
            read_output(output["name"], predictions),
        )
        for output in outputs
    ]


def read_output(name: str, predictions: list[dict]) -> list:
    """Return the elements of output *name* of all *predictions*."""
    if name == "probabilities":
        return [value for prediction in predictions for value in prediction[name].values()]
    if name == "flags":
        return [json.dumps(prediction[name]) if name in prediction else "" for prediction in predictions]
    return [prediction[name] for prediction in predictions]


def encode_raw(tensor: Tensor) -> bytes:
    """Return the elements of *tensor* as decode_raw() reads them."""
    if tensor.datatype != "BYTES":
        return np.array(tensor.values, NUMPY_TYPES[tensor.datatype]).tobytes()
    packed = {}  # most texts of an output are equal
    for text in set(tensor.values):
        content = text.encode()
        packed[text] = LENGTH.pack(len(content)) + content
    return b"".join(map(packed.__getitem__, tensor.values))
