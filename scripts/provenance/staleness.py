"""What is stale: each rule's fingerprint now against the record that its last run left beside its outputs.

Snakemake decides by modification times alone (see profiles/default); this module gives it the one input that is newer
than the outputs exactly when something that makes them has changed. The records are files among the results, so the
answer survives the loss of ``.snakemake`` and travels with pulled results.
"""

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.provenance.canonical import plain, read_json
from scripts.provenance.environment import env_id, pins
from scripts.provenance.fingerprint import Cause, content_digest, differences, lookup, shell_text
from scripts.provenance.recorded_job import Node, pattern_of
from scripts.provenance.source import Code


@dataclass
class Graph:
    """All recorded rules of the workflow."""

    workflow: Any
    config: dict
    code: Code = field(default_factory=Code)
    _fresh: set[str] = field(default_factory=set)
    _digests: dict[str, str] = field(default_factory=dict)
    _fixed: dict[str, dict] = field(default_factory=dict)
    _nodes: dict[str, Node | None] = field(default_factory=dict)
    _upstream: dict[str, list[Node]] = field(default_factory=dict)

    @cached_property
    def recorded(self) -> list[tuple[re.Pattern, Any]]:
        """Rules that leave a record, each with the pattern of its folder."""
        rules = [rule for rule in self.workflow.rules if hasattr(rule.output, "record")]
        return [(pattern_of(os.path.dirname(rule.output.record)), rule) for rule in rules]

    def node(self, path: str) -> Node | None:
        """Return the node whose folder holds *path*, None where no recorded rule makes it."""
        folder = os.path.dirname(path)
        if folder not in self._nodes:
            found = ((rule, pattern.fullmatch(folder)) for pattern, rule in self.recorded)
            self._nodes[folder] = next((Node(rule, match.groupdict()) for rule, match in found if match), None)
        return self._nodes[folder]

    def upstream(self, node: Node) -> list[Node]:
        """Return the nodes whose outputs *node* reads, each once."""
        if node.record not in self._upstream:
            makers = (self.node(path) for paths in node.inputs.values() for path in paths)
            self._upstream[node.record] = list({maker.record: maker for maker in makers if maker}.values())
        return self._upstream[node.record]

    def config_of(self, node: Node) -> dict[str, Any]:
        """Return the configuration values of the rule by the argument that takes them."""
        keys = dict(node.rule.params._allitems()).get("cfg", {})
        return {name: plain(lookup(self.config, key)) for name, key in keys.items()}

    def input_digest(self, path: str) -> str:
        """Return the digest of an input: as its maker recorded it, as its pointer says, or of its own content."""
        if maker := self.node(path):
            known = read_json(maker.record)["outputs"] if os.path.exists(maker.record) else {}
            return f"sha256:{known.get(path, 'missing')}"
        if path not in self._digests:
            self._digests[path] = content_digest(path)
        return self._digests[path]

    def fingerprint(self, node: Node) -> dict[str, Any]:
        """Return all that makes the outputs of *node*: rule, code, environment, configuration, inputs, shell."""
        if node.rule.name not in self._fixed:
            self._fixed[node.rule.name] = self.fixed(node)
        inputs = {name: {path: self.input_digest(path) for path in paths} for name, paths in node.inputs.items()}
        fixed = self._fixed[node.rule.name]
        own = {"wildcards": node.wildcards, "inputs": inputs, "params": fixed["params"] | node.own_params}
        return fixed | own

    def fixed(self, node: Node) -> dict[str, Any]:
        """Return the part of the fingerprint that all jobs of the rule of *node* share and no job changes."""
        params = dict(node.rule.params._allitems())
        others = {
            str(k): plain(v) for k, v in params.items() if k not in ("cfg", "code", "further") and not callable(v)
        }
        environments = [Path(str(node.rule.conda_env)).stem, *params.get("further", "").split()]
        modules = self.code.closure(*(f"scripts/{name}.py" for name in params["code"].split()))
        self.code.keep()
        return {
            "rule": node.rule.name,
            "code": modules,
            "env": {name: env_id(name) for name in environments},
            "pins": {name: pins(name) for name in environments},
            "config": self.config_of(node),
            "params": others,
            "shell": shell_text(node.rule.shellcmd, self.config),
        }

    def causes(self, node: Node) -> list[Cause]:
        """Return why *node* is stale by itself; its upstream nodes must be fresh."""
        record = read_json(node.record) if os.path.exists(node.record) else {}
        paths = dict.fromkeys([*node.outputs, *record.get("outputs", {})])
        missing = [Cause("output", path, "present", "missing") for path in paths if not os.path.exists(path)]
        if not record:
            return missing
        now = self.fingerprint(node)
        return missing + [cause for kind in now for cause in differences(kind, record.get(kind), now[kind])]

    def settled(self, node: Node) -> list[Cause]:
        """Return what `causes` does; where that is nothing, *node* counts as fresh for the rest of this run."""
        causes = self.causes(node)
        if not causes:
            self._fresh.add(node.record)
        return causes

    def fresh(self, node: Node) -> bool:
        """Return whether *node* and all that it stands on are up to date."""
        if node.record in self._fresh:
            return True
        return all(self.fresh(maker) for maker in self.upstream(node)) and not self.settled(node)

    def makers(self, node: Node) -> list[Node]:
        """Return the nodes that make the means of *node*: what runs only where *node* has to run."""
        makers = (self.node(path) for path in node.means)
        return [maker for maker in makers if maker]
