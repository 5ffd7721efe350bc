"""One rule with its wildcards filled in."""

import re
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from scripts.provenance.canonical import plain

WILDCARD = re.compile(r"\{(\w+)(?:,[^}]*)?\}")


def pattern_of(template: str) -> re.Pattern:
    """Return the pattern of the paths that *template*, with wildcards, stands for."""
    parts = WILDCARD.split(template)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


def function_of(item: Any) -> Any:
    """Return the function behind an input item, or the item."""
    return getattr(getattr(item, "_file", item), "callable", item)


def means_of(item: Any) -> list[str] | None:
    """Return the templates of an input that needed() (snakemake_api.py) made, None for any other."""
    return getattr(function_of(item), "means", None)


@dataclass
class Node:
    """One rule with its wildcards filled in; all its outputs lie in one folder beside ``record.json``."""

    rule: Any
    wildcards: dict[str, str]

    def fill(self, template: str) -> str:
        return WILDCARD.sub(lambda match: self.wildcards[match[1]], str(template))

    def paths(self, item: Any) -> list[str]:
        """Return the paths that an input item stands for: a template, a list of them, or a function of wildcards."""
        function = function_of(item)
        if callable(function):
            item = function(SimpleNamespace(**self.wildcards))
        return [self.fill(path) for path in ([item] if isinstance(item, str) else item)]

    @cached_property
    def record(self) -> str:
        return self.fill(self.rule.output.record)

    @cached_property
    def inputs(self) -> dict[str, list[str]]:
        """Paths by input name, the marks of change and the means to make the outputs left out."""
        groups = {str(name): value for name, value in self.rule.input._allitems() if name != "changed"}
        return {name: self.paths(value) for name, value in groups.items() if means_of(value) is None}

    @cached_property
    def means(self) -> list[str]:
        """Recorded inputs that are there only to make the outputs and do not count for what these are."""
        templates = (path for _, value in self.rule.input._allitems() for path in means_of(value) or [])
        return [self.fill(path) for path in templates if "{key}" not in path]

    @cached_property
    def own_params(self) -> dict[str, Any]:
        """Parameters that functions make of the wildcards, less the command of the job itself."""
        functions = {name: value for name, value in self.rule.params._allitems() if callable(value) and name != "job"}
        return {name: plain(function(SimpleNamespace(**self.wildcards))) for name, function in functions.items()}

    @cached_property
    def outputs(self) -> list[str]:
        return [self.fill(path) for path in self.rule.output]

    @property
    def name(self) -> str:
        return " ".join([self.rule.name, *self.wildcards.values()])
