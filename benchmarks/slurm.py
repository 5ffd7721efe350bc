"""What a job costs on a cluster: Snakemake's jobs on the SLURM of the tests against the same jobs run locally.

    python3 -m benchmarks.slurm [--jobs 20 200]

Each job writes one empty file. Prints elapsed seconds, and CPU seconds of everything (Snakemake, the daemons of SLURM,
the jobs), for each number of jobs, and what each further job costs. Needs SLURM and the environment `slurm`.
"""

import argparse
import ctypes
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from tests.slurm.cluster import Cluster
from tests.slurm.running import PYTHON
from tests.workflow import ROOT, environment

BECOME_PARENT = 36  # PR_SET_CHILD_SUBREAPER: orphans among the descendants become children, so their time counts
RULES = """\
rule all:
    input: expand("made/{{n}}", n=range({count}))
rule one:
    output: "made/{{n}}"
    resources: mem_mb=300, runtime=5
    shell: "touch {{output}}"
"""
LOCAL = ["--cores", "2", "--scheduler", "greedy"]
CLUSTER = ["--profile", str(ROOT / "profiles/slurm")]


def spent() -> float:
    """Return the CPU seconds of all children that have ended."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(count: int, words: list[str], **env: str) -> float:
    """Return the elapsed seconds of a run of *count* jobs."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "Snakefile").write_text(RULES.format(count=count))
        start = time.perf_counter()
        command = [str(PYTHON), "-m", "snakemake", *words]
        subprocess.run(command, cwd=name, env=environment(**env), check=True, capture_output=True)
        return time.perf_counter() - start


def on_cluster(count: int) -> float:
    """Return the elapsed seconds of a run of *count* jobs on a cluster of its own; without jobs, only start that."""
    with Cluster() as cluster:
        env = cluster.environment()
        env |= {"OUROBOROS_SLURM_CONF": env["SLURM_CONF"], "PATH": f"{ROOT}/profiles/slurm/bin:{env['PATH']}"}
        return run(count, CLUSTER, **env) if count else 0


def measured(function, *arguments) -> dict[str, float]:
    """Return elapsed and CPU seconds."""
    before = spent()
    elapsed = function(*arguments)
    return {"elapsed": round(elapsed, 2), "cpu": round(spent() - before, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[20, 200])
    counts = sorted(parser.parse_args().jobs)
    ctypes.CDLL(None).prctl(BECOME_PARENT, 1)
    idle = measured(on_cluster, 0)["cpu"]
    result: dict[str, dict] = {"local": {}, "cluster": {}}
    for count in counts:
        result["local"][count] = measured(run, count, LOCAL)
        result["cluster"][count] = measured(on_cluster, count)
        result["cluster"][count]["cpu"] = round(result["cluster"][count]["cpu"] - idle, 2)
    for place in result.values():
        first, last = place[counts[0]], place[counts[-1]]
        more = max(1, counts[-1] - counts[0])
        place["each further job"] = {key: round((last[key] - first[key]) / more, 3) for key in first}
    print(json.dumps(result | {"starting and stopping the cluster": {"cpu": round(idle, 2)}}, indent=1))


if __name__ == "__main__":
    main()
