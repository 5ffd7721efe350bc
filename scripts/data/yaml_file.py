"""YAML of the user's files: errors say on which line, no key is given twice, and aliases make no file a large value."""

import os
from typing import Any

import yaml

from scripts.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
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
    """Raise ConfigError, with the line, if the configuration file at *path* exists and is not YAML."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            try:
                parse_yaml(file.read())
            except (ValueError, RecursionError) as error:
                raise ConfigError(f"{path}: not YAML: {error}") from error
