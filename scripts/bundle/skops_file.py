"""A fitted scikit-learn estimator as the canonical bytes of a skops file, loaded again with no other types than named.

Nothing is unpickled, and nothing is imported before all names in the file were found in the list.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from scripts.errors import BadInput

PLAIN = {"builtins.dict", "builtins.list", "builtins.str", "builtins.tuple", "numpy.ndarray"}
LOADERS = {"DictNode", "ListNode", "TupleNode", "JsonNode", "ObjectNode", "NdArrayNode", "TypeNode"}
SCHEMA = "schema.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a zip file knows


def nodes(value: Any) -> Iterator[dict]:
    """Yield the nodes of a schema of skops, from the root."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def canonical(content: bytes) -> bytes:
    """Return a skops file with numbers in place of addresses in memory, and without times."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    schema, numbers, files = json.loads(parts[SCHEMA]), {}, {}
    for index, node in enumerate(nodes(schema)):
        address = node["__id__"] if node["__loader__"] != "JsonNode" else (index,)  # equal texts may be one object
        node["__id__"] = numbers.setdefault(address, len(numbers))
        if "file" in node:
            files[node["file"]] = node["file"] = f"{node['__id__']}.npy"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo(SCHEMA, EPOCH), json.dumps(schema, sort_keys=True), zipfile.ZIP_DEFLATED)
        for old, new in files.items():
            file.writestr(zipfile.ZipInfo(new, EPOCH), parts[old], zipfile.ZIP_DEFLATED)
    return made.getvalue()


def dumped(estimator: Any, graph: str, types: tuple[str, ...]) -> bytes:
    """Return the bytes of *estimator*, made with the graph of that digest. Raises BadInput as loaded() does."""
    import skops.io

    content = canonical(skops.io.dumps({"graph": graph, "model": estimator}))
    loaded(content, types)
    return content


def loaded(content: bytes, types: tuple[str, ...]) -> tuple[Any, str]:
    """Return the estimator in the skops file *content* and the digest of its graph.

    Raises BadInput where the file names a type that is neither a plain one nor one of *types*.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(content)) as file:
        schema = json.loads(file.read(SCHEMA))
    for node in nodes(schema):
        name = f"{node['__module__']}.{node['__class__']}"
        if name not in PLAIN | set(types) or node["__loader__"] not in LOADERS:
            raise BadInput(f"model.skops holds a {name} ({node['__loader__']}), which its family does not name")
    found = skops.io.loads(content, trusted=list(types))
    return found["model"], found["graph"]
