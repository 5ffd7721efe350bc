"""model.skops: a fitted scikit-learn estimator as canonical bytes, loaded only if all its types are allowed.

Nothing is unpickled, and nothing is imported before every type in the file has been found in the list.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from scripts.errors import InputError

PLAIN_TYPES = {"builtins.dict", "builtins.list", "builtins.str", "builtins.tuple", "numpy.ndarray"}
LOADERS = {"DictNode", "ListNode", "TupleNode", "JsonNode", "ObjectNode", "NdArrayNode", "TypeNode"}
SCHEMA = "schema.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can express


def iter_nodes(value: Any) -> Iterator[dict]:
    """Yield the nodes of a skops schema, parents first."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for item in value.values():
            yield from iter_nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from iter_nodes(item)


def canonicalize(content: bytes) -> bytes:
    """Return the skops file *content* with numbers instead of memory addresses, and without times."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    schema, numbers, files = json.loads(parts[SCHEMA]), {}, {}
    for index, node in enumerate(iter_nodes(schema)):
        address = node["__id__"] if node["__loader__"] != "JsonNode" else (index,)  # equal strings may be one object
        node["__id__"] = numbers.setdefault(address, len(numbers))
        if "file" in node:
            files[node["file"]] = node["file"] = f"{node['__id__']}.npy"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo(SCHEMA, EPOCH), json.dumps(schema, sort_keys=True), zipfile.ZIP_DEFLATED)
        for old, new in files.items():
            file.writestr(zipfile.ZipInfo(new, EPOCH), parts[old], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def dump_estimator(estimator: Any, graph: str, types: tuple[str, ...]) -> bytes:
    """Return *estimator* and the digest of its *graph* as a skops file. Raises InputError like load_estimator()."""
    import skops.io

    content = canonicalize(skops.io.dumps({"graph": graph, "model": estimator}))
    load_estimator(content, types)
    return content


def load_estimator(content: bytes, types: tuple[str, ...]) -> tuple[Any, str]:
    """Return the estimator in the skops file *content* and the digest of its graph.

    Raises InputError if the file contains a type that is neither in PLAIN_TYPES nor in *types*.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(content)) as file:
        schema = json.loads(file.read(SCHEMA))
    for node in iter_nodes(schema):
        name = f"{node['__module__']}.{node['__class__']}"
        if name not in PLAIN_TYPES | set(types) or node["__loader__"] not in LOADERS:
            raise InputError(f"model.skops contains a {name} ({node['__loader__']}), which its family does not allow")
    content_by_name = skops.io.loads(content, trusted=list(types))
    return content_by_name["model"], content_by_name["graph"]
