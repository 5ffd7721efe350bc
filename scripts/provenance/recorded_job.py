"""A recorded job: a rule that leaves a record, with its wildcards filled in."""

import re
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from scripts.provenance.canonical import to_json_types

WILDCARD = re.compile(r"\{(\w+)(?:,[^}]*)?\}")


def compile_template(template: str) -> re.Pattern:
    """Return the regular expression for the paths of *template*, with a group for each wildcard."""
    parts = WILDCARD.split(template)
    return re.compile("".join(f"(?P<{p}>[^/]+)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))


def unwrap_function(item: Any) -> Any:
    """Return the function behind an input or parameter item of a Snakemake rule, or the item itself."""
    return getattr(getattr(item, "_file", item), "callable", item)


def transient_templates(item: Any) -> list[str] | None:
    """Return the templates of an input made by only_when_stale() (snakemake_api.py), None for any other input."""
    return getattr(unwrap_function(item), "transient_templates", None)


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
        groups = {str(name): value for name, value in self.rule.input._allitems() if name != "changed"}
        return {name: self.paths(value) for name, value in groups.items() if transient_templates(value) is None}

    @cached_property
    def transient_inputs(self) -> list[str]:
        """Recorded inputs that are needed while the job runs and do not count in its fingerprint."""
        templates = (path for _, value in self.rule.input._allitems() for path in transient_templates(value) or [])
        return [self.format(path) for path in templates if "{key}" not in path]

    @cached_property
    def wildcard_params(self) -> dict[str, Any]:
        """Parameters that are functions of the wildcards, without the command of the job itself."""
        functions = {name: value for name, value in self.rule.params._allitems() if callable(value) and name != "job"}
        return {
            name: to_json_types(function(SimpleNamespace(**self.wildcards))) for name, function in functions.items()
        }

    @cached_property
    def outputs(self) -> list[str]:
        return [self.format(path) for path in self.rule.output]

    @property
    def name(self) -> str:
        return " ".join([self.rule.name, *self.wildcards.values()])
