"""What Snakemake is asked about the sweep: how far it is, and what it will cost."""

import sys
from pathlib import Path

from scripts.spine.graph import Graph
from scripts.spine.node import Node
from scripts.tune.plan import sweep_key
from scripts.tune.status import price, progress


class Asked:
    """The answers for the rule whose *record* is given, with the folder of all sweeps and the section of the config."""

    def __init__(self, graph: Graph, record: str, sweeps: Path, config: dict):
        self.graph, self.record, self.sweeps, self.config = graph, record, sweeps, config

    def facts(self, node: Node) -> tuple[str, int, bool]:
        """Return the key of the sweep that is to be run, how many trials a job runs at once, and whether on a GPU."""
        gpu = node.rule.resources.get("gpu")
        key = sweep_key(self.graph.fingerprint(node))
        return key, int(node.rule.resources["_cores"].value), bool(gpu and gpu.value)

    def price(self, node: Node) -> str:
        """Return in a sentence what the trials will cost that have not run."""
        key, *how = self.facts(node)
        return price(self.sweeps, key, self.config["trials"], *how)

    def progress(self, wildcards: object) -> None:
        """Say how far the sweep is, and leave Snakemake (an input function)."""
        key, *how = self.facts(self.graph.node(self.record))
        print(progress(self.sweeps / key, self.config["trials"], self.config["metric"], *how), flush=True)
        sys.exit(0)
