"""What a job costs on a cluster: Snakemake's jobs on the SLURM of the tests against the same jobs run locally.

    python3 -m benchmarks.slurm [--jobs 20 200]

Each job writes one empty file. Prints elapsed seconds, and CPU seconds of everything (Snakemake, the daemons of SLURM,
the jobs), for each number of jobs, and what each further job costs. Needs SLURM and the environment `slurm`.
"""

import argparse
import contextlib
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


def reap(keep: int = 0) -> None:
    """Take leave of children that have ended, up to the one that is *kept* for others to wait for."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, options)) and ended.si_pid != keep:
            os.waitpid(ended.si_pid, 0)


def children_cpu_seconds() -> float:
    """Return the CPU seconds of all children that have ended."""
    reap()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_jobs(count: int, words: list[str], **env: str) -> float:
    """Return the elapsed seconds of a run of *count* jobs."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "Snakefile").write_text(RULES.format(count=count))
        start = time.perf_counter()
        command = [str(PYTHON), "-m", "snakemake", *words]
        with open(Path(name) / "said", "w") as log:
            process = subprocess.Popen(command, cwd=name, env=environment(**env), stdout=log, stderr=log)
        while process.poll() is None:
            reap(keep=process.pid)
            time.sleep(0.1)
        assert process.returncode == 0, (Path(name) / "said").read_text()
        return time.perf_counter() - start


def run_jobs_on_cluster(count: int) -> float:
    """Return the elapsed seconds of a run of *count* jobs on a cluster of its own; without jobs, only start that."""
    with Cluster() as cluster:
        env = cluster.environment()
        env |= {"OUROBOROS_SLURM_CONF": env["SLURM_CONF"], "PATH": f"{ROOT}/profiles/slurm/bin:{env['PATH']}"}
        return run_jobs(count, CLUSTER, **env) if count else 0


def measure(function, *arguments) -> dict[str, float]:
    """Return elapsed and CPU seconds."""
    before = children_cpu_seconds()
    elapsed = function(*arguments)
    return {"elapsed": round(elapsed, 2), "cpu": round(children_cpu_seconds() - before, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[20, 200])
    counts = sorted(parser.parse_args().jobs)
    ctypes.CDLL(None).prctl(BECOME_PARENT, 1)
    idle = measure(run_jobs_on_cluster, 0)["cpu"]
    result: dict[str, dict] = {"local": {}, "cluster": {}}
    for count in counts:
        result["local"][count] = measure(run_jobs, count, LOCAL)
        result["cluster"][count] = measure(run_jobs_on_cluster, count)
        result["cluster"][count]["cpu"] = round(result["cluster"][count]["cpu"] - idle, 2)
    for place in result.values():
        first, last = place[counts[0]], place[counts[-1]]
        more = max(1, counts[-1] - counts[0])
        place["each further job"] = {key: round((last[key] - first[key]) / more, 3) for key in first}
    print(json.dumps(result | {"starting and stopping the cluster": {"cpu": round(idle, 2)}}, indent=1))


if __name__ == "__main__":
    main()
