"""A recorded job: a rule that leaves a record, with its wildcards filled in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from scripts.provenance.canonical import to_json_types
from scripts.provenance.snakemake_api import named_inputs, named_params, unwrap_function

WILDCARD = re.compile(r"\{(\w+)(?:,[^}]*)?\}")


def compile_template(template: str) -> re.Pattern:
    """Return the regular expression for the paths of *template*, with a group for each wildcard."""
    parts = WILDCARD.split(template)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


@dataclass
class OnlyWhenStale:
    """The input function of a transient input: *find_paths* gives its paths, made from *templates*, or none."""

    find_paths: Callable
    templates: list[str]

    def __call__(self, wildcards: Any) -> list[str]:
        return self.find_paths(wildcards)


@dataclass
class RecordedJob:
    """A recorded rule with its wildcards filled in; its outputs and its ``record.json`` are in one folder."""

    rule: Any
    wildcards: dict[str, str]

    def format(self, template: str) -> str:
        """Return *template* with the wildcards of the job filled in."""
        return WILDCARD.sub(lambda match: self.wildcards[match[1]], str(template))

    def paths(self, item: Any) -> list[str]:
        """Return the paths of an input item: a template, a list of templates, or a function of the wildcards."""
        function = unwrap_function(item)
        if callable(function):
            item = function(SimpleNamespace(**self.wildcards))
        return [self.format(path) for path in ([item] if isinstance(item, str) else item)]

    @cached_property
    def record(self) -> str:
        return self.format(self.rule.output.record)

    @cached_property
    def inputs(self) -> dict[str, list[str]]:
        """Paths by input name, without trigger files and transient inputs."""
        items = named_inputs(self.rule).items()
        return {name: self.paths(item) for name, item in items if not isinstance(unwrap_function(item), OnlyWhenStale)}

    @cached_property
    def transient_inputs(self) -> list[str]:
        """Recorded inputs that are needed while the job runs and do not count in its fingerprint."""
        functions = map(unwrap_function, named_inputs(self.rule).values())
        templates = [
            path for function in functions if isinstance(function, OnlyWhenStale) for path in function.templates
        ]
        return [self.format(path) for path in templates if "{key}" not in path]

    @cached_property
    def wildcard_params(self) -> dict[str, Any]:
        """Parameters that are functions of the wildcards, without the command of the job itself."""
        functions = {
            name: value for name, value in named_params(self.rule).items() if callable(value) and name != "job"
        }
        return {
            name: to_json_types(function(SimpleNamespace(**self.wildcards))) for name, function in functions.items()
        }

    @property
    def script(self) -> str:
        """The script that the job runs: the first one that its rule names as code."""
        return f"scripts/{named_params(self.rule)['code'].split()[0]}.py"

    @cached_property
    def outputs(self) -> list[str]:
        return [self.format(path) for path in self.rule.output]

    @property
    def name(self) -> str:
        return " ".join([self.rule.name, *self.wildcards.values()])
