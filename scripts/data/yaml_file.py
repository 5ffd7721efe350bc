"""YAML of the user's files: errors say on which line, no key is given twice, and aliases make no file a large value."""

import os
from collections.abc import Iterator
from typing import Any

import yaml

from scripts.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NUMBER_TAGS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
SPAN_KEYS = ("windows", "until", "span")  # keys whose values name spans
MAX_VALUES = 1_000_000  # values that a file may stand for, each alias written out


def parse_yaml(text: str, loader: Any = LOADER) -> Any:
    """Return the value of the YAML *text*. Raises ValueError that begins with the line, if it is known.

    A key that is given twice in a mapping is an error, too: YAML would take the last value without a word.
    """
    try:
        reader = loader(text)
        node = reader.get_single_node()
        check_keys(node, set())
        content = reader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        place = f"line {at.line + 1}, column {at.column + 1}: " if at else ""
        raise ValueError(f"{place}{error.problem or error.context}") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ValueError(" ".join(str(error).replace('in "<unicode string>", ', "").split())) from error
    if (size := count_values(content, {})) > MAX_VALUES:
        raise ValueError(f"its aliases (*name) stand for more than {MAX_VALUES:,} values ({size:.1g}); write them out")
    return content


def check_keys(node: yaml.Node | None, known: set[int]) -> None:
    """Raise ValueError, with both lines, if a mapping in *node* has a key twice.

    *known* has the ids of the nodes that were checked, since an alias is the node that it names.
    """
    if not isinstance(node, yaml.CollectionNode) or id(node) in known:
        return
    known.add(id(node))
    inner = node.value
    if isinstance(node, yaml.MappingNode):
        first: dict[tuple[str, str], yaml.Node] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (other := first.setdefault((key.tag, key.value), key)) is not key:
                line, before = key.start_mark.line + 1, other.start_mark.line + 1
                raise ValueError(f"line {line}: key {key.value} is given twice, first in line {before}; remove one")
        inner = [part for pair in node.value for part in pair]
    for item in inner:
        check_keys(item, known)


def check_span_names(text: str) -> None:
    """Raise ValueError, with the line, if YAML reads a span that the mappings of *text* name as another number.

    The mapping is the whole file, or there is a list of them: YAML reads 07 as 7, 1.10 as 1.1 and 2001_01 as 200101.
    """
    root = yaml.compose(text, Loader=LOADER)
    mappings = root.value if isinstance(root, yaml.SequenceNode) else [root]
    pairs = (pair for one in mappings if isinstance(one, yaml.MappingNode) for pair in one.value)
    for scalar in (scalar for key, value in pairs if key.value in SPAN_KEYS for scalar in iter_scalars(value)):
        number = yaml.load(scalar.value, Loader=LOADER) if scalar.tag in NUMBER_TAGS else scalar.value
        if str(number) != scalar.value:
            line = scalar.start_mark.line + 1
            raise ValueError(f"line {line}: YAML reads {scalar.value} as {number}, another span; quote it")


def iter_scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield the scalar values in *node*, without the keys of mappings."""
    if isinstance(node, yaml.ScalarNode):
        yield node
        return
    for item in node.value:
        yield from iter_scalars(item[1] if isinstance(node, yaml.MappingNode) else item)


def count_values(value: Any, known: dict[int, float]) -> float:
    """Return the number of values in *value*, shared ones each time; infinite if it contains itself.

    *known* has the numbers of those counted before, by id.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = float("inf")
        items = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(count_values(item, known) for item in items)
    return known[id(value)]


def check_yaml(path: str) -> None:
    """Raise ConfigError, with the line, if the configuration file at *path* exists and YAML cannot read it as meant."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            try:
                parse_yaml(text := file.read())
            except (ValueError, RecursionError) as error:
                raise ConfigError(f"{path}: not YAML: {error}") from error
            try:
                check_span_names(text)
            except ValueError as error:
                raise ConfigError(f"{path}: {error}") from error
