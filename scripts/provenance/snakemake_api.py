"""Small files below .snakemake: marks, newer than the outputs of a stale rule, and the stamps that jobs start with.

How rules are wired to the records: input and parameter functions that Snakemake calls while it builds its graph."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scripts.provenance.canonical import digest, write_json
from scripts.provenance.environment import env_id
from scripts.provenance.fingerprint import Cause, lookup
from scripts.provenance.recorded_job import Node
from scripts.provenance.staleness import Graph
from scripts.provenance.triggers import check_options

MARKS = Path(".snakemake/changed")
STAMPS = Path(".snakemake/ouroboros/stamps")


def mark(node: Node, cause: Cause) -> str:
    """Return a file newer than the outputs of *node*, and than those made from them, named after the *cause*."""
    path = MARKS / os.path.dirname(node.record) / cause.kind
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{cause.kind} {cause.what} {time.time_ns()}\n")
    # Snakemake keeps the time of a folder in a file inside
    files = [name for output in node.outputs for name in (output, f"{output}/.snakemake_timestamp")]
    newest = max((os.stat(name).st_mtime_ns for name in files if os.path.exists(name)), default=0)
    if path.stat().st_mtime_ns <= newest:
        os.utime(path, ns=(newest + 10**6, newest + 10**6))
    return str(path)


def kept(stamp: dict) -> Path:
    """Return the file that holds *stamp*, named after its content, so that it is what a job was started with."""
    path = STAMPS / f"{digest(stamp)[:16]}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, stamp)
    return path


def question(config: dict, *keys: str) -> Callable:
    """Return the function of params that gives a stamp with these keys alone: of a script that leaves no record."""

    def stamp(wildcards):
        return kept({"config": {key.rpartition(".")[2]: lookup(config, key) for key in keys}})

    return stamp


class Wiring:
    """The functions that rules use, over the recorded rules of *graph*."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.told: set[str] = set()  # records of which a dry run has said the price

    def node(self, name: str, wildcards: dict) -> Node:
        """Return the one node of the rule *name* with these *wildcards*."""
        return self.graph.node(Node(self.graph.workflow.get_rule(name), dict(wildcards)).record)

    def changed(self, name: str, price: Callable[[Node], str] | None = None) -> Callable:
        """Return the input function of rule *name* that gives newer files exactly when its outputs are stale.

        It waits for every upstream checkpoint whose outputs are not up to date, by its record, which makes the rule
        appear in a dry run and be looked at again once the checkpoint has run. A dry run says the *price* of the job.
        """
        from snakemake.exceptions import IncompleteCheckpointException
        from snakemake.io import checkpoint_target

        def marks(wildcards):
            check_options(self.graph.workflow)
            node = self.node(name, wildcards)
            stale = [maker for maker in self.graph.upstream(node) if not self.graph.fresh(maker)]
            causes = [] if stale else self.graph.settled(node)
            if price and (stale or causes) and self.graph.workflow.dryrun and node.record not in self.told:
                self.told.add(node.record)
                print(price(node), file=sys.stderr, flush=True)
            for maker in stale:
                raise IncompleteCheckpointException(maker.rule, checkpoint_target(maker.record))
            return sorted({mark(node, cause) for cause in causes})

        return marks

    def needed(self, name: str, *templates: str) -> Callable:
        """Return the input function that gives *templates* where the outputs of rule *name* are stale, else nothing.

        Such files are means: they do not count for what the outputs are, and nobody asks for them while those are
        fresh. ``{key}`` in a template stands for all that the outputs depend on. The rule must stand on no checkpoint,
        and the input must not be ancient: Snakemake passes over a stale rule whose ancient inputs are made anew.
        """

        def paths(wildcards):
            node = self.node(name, wildcards)
            settings = self.graph.workflow.dag_settings
            forced = settings.forceall or settings.forcetargets or settings.forcerun
            if not forced and self.graph.fresh(node):
                return []
            filled = Node(node.rule, node.wildcards | {"key": digest(self.graph.fingerprint(node))[:16]})
            return [filled.fill(template) for template in templates]

        paths.means = list(templates)
        return paths

    def task(self, name: str) -> Callable:
        """Return the params function of rule *name*, whose outputs are means of another rule and leave no record.

        It gives the command: launcher, environment, script and a stamp that holds configuration and outputs alone.
        """

        def command(wildcards):
            node = Node(self.graph.workflow.get_rule(name), dict(wildcards))
            stamp = {"config": self.graph.config_of(node), "outputs": node.outputs}
            environment, script = (
                env_id(Path(str(node.rule.conda_env)).stem),
                dict(node.rule.params._allitems())["code"],
            )
            return f"envs/python {environment} scripts/{script}.py --stamp {kept(stamp)}"

        return command

    def job(self, wildcards, output, resources) -> str:
        """Return the command of a rule: launcher, environment, script and stamp (a params function).

        With the resource `gpu` it is the environment for GPUs, and the script is told. That counts for nothing: the
        stamp is the same. Snakemake asks again once the inputs are there.
        """
        node = self.graph.node(output.record)
        makers = self.graph.makers(node)
        if not all(os.path.exists(maker.record) for maker in [*self.graph.upstream(node), *makers]):
            return "<TBD>"
        means = {path: self.graph.input_digest(path) for path in node.means}
        stamp = self.graph.fingerprint(node) | {"means": means, "outputs": node.outputs, "record": node.record}
        name, environment = next(iter(stamp["env"].items()))
        device = ""
        if resources.get("gpu"):
            environment, device = env_id(f"{name}-gpu"), " --device cuda"
        script = f"scripts/{dict(node.rule.params._allitems())['code'].split()[0]}.py"
        return f"envs/python {environment} {script} --stamp {kept(stamp)}{device}"
