"""Which recorded jobs are stale, and why: the current fingerprint of a job against the one in its record.

A record (``record.json``) is a file next to the outputs that it describes, so the answer depends neither on
``.snakemake`` nor on modification times, and it is the same for results that were copied from another machine.
"""

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scripts.provenance.canonical import to_json_types
from scripts.provenance.environment import PYTHON, env_id, pinned_versions
from scripts.provenance.fingerprint import Change, content_digest, differences, lookup, shell_text
from scripts.provenance.record import read_record
from scripts.provenance.recorded_job import RecordedJob, compile_template
from scripts.provenance.snakemake_api import environment_name, named_outputs, named_params
from scripts.provenance.source import CodeDigests

VERDICT = "feedback/verdict.json"  # of a case, below its results


@dataclass
class Staleness:
    """The staleness of all recorded jobs of *workflow* under the checked *config*; it is cached for one run."""

    workflow: Any
    config: dict
    code: CodeDigests = field(default_factory=CodeDigests)
    _fresh: set[str] = field(default_factory=set)
    _digests: dict[str, str] = field(default_factory=dict)
    _rule_fingerprints: dict[str, dict] = field(default_factory=dict)
    _producers: dict[str, RecordedJob | None] = field(default_factory=dict)
    _upstream: dict[str, list[RecordedJob]] = field(default_factory=dict)

    @cached_property
    def recorded_rules(self) -> list[tuple[re.Pattern, Any]]:
        """Rules that leave a record, each with the regular expression for its output folder."""
        rules = [rule for rule in self.workflow.rules if hasattr(rule.output, "record")]
        return [(compile_template(os.path.dirname(rule.output.record)), rule) for rule in rules]

    def producer(self, path: str) -> RecordedJob | None:
        """Return the job whose output folder contains *path*, None if no recorded rule makes it.

        The verdict of feedback is in the folder of a job and not among its outputs: it has a history of its own, and
        what depends on it must not depend on the request log.
        """
        if path.endswith(f"/{VERDICT}"):
            return None
        folder = os.path.dirname(path)
        if folder not in self._producers:
            matches = ((rule, pattern.fullmatch(folder)) for pattern, rule in self.recorded_rules)
            self._producers[folder] = next(
                (RecordedJob(rule, match.groupdict()) for rule, match in matches if match), None
            )
        return self._producers[folder]

    def upstream(self, job: RecordedJob) -> list[RecordedJob]:
        """Return the jobs whose outputs *job* reads, each once."""
        if job.record not in self._upstream:
            producers = (self.producer(path) for paths in job.inputs.values() for path in paths)
            self._upstream[job.record] = list(
                {producer.record: producer for producer in producers if producer}.values()
            )
        return self._upstream[job.record]

    def config_values(self, job: RecordedJob) -> dict[str, Any]:
        """Return the configuration values that the rule uses, by the argument that receives them."""
        keys = named_params(job.rule).get("cfg", {})
        return {name: to_json_types(lookup(self.config, key)) for name, key in keys.items()}

    def input_digest(self, path: str) -> str:
        """Return the digest of an input: as its producer recorded it, else of its content (fingerprint.py)."""
        if producer := self.producer(path):
            return f"sha256:{read_record(producer.record).get('outputs', {}).get(path, 'missing')}"
        if path not in self._digests:
            self._digests[path] = content_digest(path)
        return self._digests[path]

    def fingerprint(self, job: RecordedJob) -> dict[str, Any]:
        """Return all that the outputs of *job* depend on: rule, code, environment, configuration, inputs, shell.

        Inputs are by path, so that differences can be named; "order" says in which order their argument lists them.
        """
        if job.rule.name not in self._rule_fingerprints:
            self._rule_fingerprints[job.rule.name] = self.rule_fingerprint(job)
        inputs = {name: {path: self.input_digest(path) for path in paths} for name, paths in job.inputs.items()}
        shared = self._rule_fingerprints[job.rule.name]
        own = {"wildcards": job.wildcards, "inputs": inputs, "params": shared["params"] | job.wildcard_params}
        own["order"] = job.inputs
        return shared | own

    def rule_fingerprint(self, job: RecordedJob) -> dict[str, Any]:
        """Return the part of the fingerprint that all jobs of a rule share; no job of the run changes it."""
        params = named_params(job.rule)
        others = {
            str(k): to_json_types(v)
            for k, v in params.items()
            if k not in ("cfg", "code", "further") and not callable(v)
        }
        environments = [environment_name(job.rule), *params.get("further", "").split()]
        modules = self.code.closure(*(f"scripts/{name}.py" for name in params["code"].split()))
        self.code.write_cache()
        return {
            "rule": job.rule.name,
            "command": {"script": job.script, "environment": environments[0], "outputs": named_outputs(job.rule)},
            "code": modules,
            "env": {name: env_id(name) for name in environments},
            "pins": {name: {"python": PYTHON} | pinned_versions(name) for name in environments},
            "config": self.config_values(job),
            "params": others,
            "shell": shell_text(job.rule.shellcmd, self.config),
        }

    def changes(self, job: RecordedJob) -> list[Change]:
        """Return missing outputs of *job* and changes since its record; its upstream jobs must be fresh.

        Outputs are missing, too, if a folder lacks a file that it had. A record that is damaged is an output as well.
        """
        record = read_record(job.record)
        paths = dict.fromkeys([*job.outputs, *record.get("outputs", {})])
        missing = [Change("output", (path,), "present", "missing") for path in paths if not os.path.exists(path)]
        if not record:
            damaged = Change("output", (job.record,), "present", "damaged")
            return [*missing, damaged] if os.path.exists(job.record) else missing
        files = [f"{folder}/{name}" for folder, names in record["folders"].items() for name in names]
        missing += [Change("output", (path,), "present", "missing") for path in files if not os.path.exists(path)]
        current = self.fingerprint(job)
        return missing + [change for kind in current for change in differences(kind, record.get(kind), current[kind])]

    def changes_or_mark_fresh(self, job: RecordedJob) -> list[Change]:
        """Return the changes of *job*; if there are none, mark it as fresh for the rest of this run."""
        changes = self.changes(job)
        if not changes:
            self._fresh.add(job.record)
        return changes

    def is_fresh(self, job: RecordedJob) -> bool:
        """Return whether *job* and all jobs upstream of it are up to date."""
        if job.record in self._fresh:
            return True
        return all(self.is_fresh(producer) for producer in self.upstream(job)) and not self.changes_or_mark_fresh(job)

    def transient_producers(self, job: RecordedJob) -> list[RecordedJob]:
        """Return the jobs that make the transient inputs of *job*: they run only if *job* has to run."""
        producers = (self.producer(path) for path in job.transient_inputs)
        return [producer for producer in producers if producer]
