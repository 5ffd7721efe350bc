"""What the life cycle costs on top of bare Snakemake: CPU time, medians, ratios, all in one run.

    .envs/driver/bin/python benchmarks/overhead.py [--runs 7] [--fresh]

Measures in a clone of this checkout with a small made-up case deployed: a no-op dry run and `explain` against bare
Snakemake on a graph of the same shape, and the overhead of one of our jobs against a bare shell job. With --fresh also
the time of environments and a full deploy of the default case from a fresh clone (needs the package cache).
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests import tiny  # noqa: E402
from tests.workflow import clone, environment  # noqa: E402

BARE = """
SPANS = ["2001", "2002", "2003", "2004"]
rule deploy:
    input: "deploy"
    output: "done"
    shell: "touch {output}"
rule fetch:
    output: "fetch/{span}"
    shell: "touch {output}"
rule ingest:
    input: "fetch/{span}"
    output: "ingest/{span}"
    shell: "touch {output}"
rule statistics:
    input: "ingest/{span}"
    output: "statistics/{span}"
    shell: "touch {output}"
rule checks:
    input: "ingest/{span}"
    output: "checks/{span}"
    shell: "touch {output}"
rule anomalies:
    input: expand("statistics/{span}", span=SPANS), expand("checks/{span}", span=SPANS)
    output: "anomalies"
    shell: "touch {output}"
rule fit:
    input: expand("ingest/{span}", span=SPANS), "gate"
    output: "fit"
    shell: "touch {output}"
rule transform:
    input: "fit"
    output: "transform/{split}"
    shell: "touch {output}"
rule tune:
    input: "transform/train", "transform/eval"
    output: "tune"
    shell: "touch {output}"
"""
CHAIN = ["anomalies gate", "tune train", "train metrics", "metrics bless", "bless register", "register publish"]
TRIVIAL = (
    "rule all:\n    input: expand('made/{{n}}', n=range({count}))\nrule one:\n    output: 'made/{{n}}'\n    {body}\n"
)
BODIES = {  # what people write: a shell line, one that starts Python, a script
    "shell": "shell: 'touch {output}'",
    "shell and python": "shell: '{python} -c pass; touch {{output}}'",
    "script": "script: 'work.py'",
}
WORK = """\
from pathlib import Path
from scripts.provenance.run_job import main
def work(made: Path) -> None:
    made.write_text("x")
if __name__ == "__main__":
    main(work)
"""
OURS = """\
from scripts.provenance.rule_functions import RuleFunctions
from scripts.provenance.staleness import Staleness
functions = RuleFunctions(Staleness(workflow, config))
when_stale, job_command = functions.when_stale, functions.job_command
rule all:
    input: expand('made/{{n}}/record.json', n=range({count}))
checkpoint one:
    input: changed=when_stale("one")
    output: made="made/{{n}}/x", record="made/{{n}}/record.json"
    conda: "envs/{env}.yaml"
    params: code="work", job=job_command
    log: "logs/{{n}}"
    shell: "{{params.job}} --made {{output.made}} 3>&2 2> {{log}}"
"""


def cpu(command: list[str], folder: Path) -> tuple[float, float]:
    """Return CPU and elapsed seconds of *command* and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - start


def alternate(commands: dict[str, tuple[list[str], Path]], runs: int) -> dict[str, float]:
    """Return the median CPU seconds of each command, run in turn after one warm-up of each."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, (command, folder) in commands.items():
            seconds, _ = cpu(command, folder)
            if turn:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}


def bare_graph(folder: Path) -> Path:
    """Make a plain Snakemake workflow of the shape of the tiny case, up to date."""
    folder.mkdir()
    rules = [
        f'rule {name}:\n    input: "{before}"\n    output: "{name}"\n    shell: "touch {{output}}"\n'
        for before, name in (pair.split() for pair in CHAIN)
    ]
    (folder / "Snakefile").write_text(BARE.replace('input: "deploy"', 'input: "publish"') + "".join(rules))
    cpu([sys.executable, "-m", "snakemake", "--cores", "2"], folder)
    return folder


def job_folder(parent: Path, kind: str, count: int, env: str) -> Path:
    """Make a workflow of *count* trivial jobs, of one of BODIES or ours."""
    folder = parent / f"{kind}-{count}".replace(" ", "-")
    if kind in BODIES:
        folder.mkdir()
        body = BODIES[kind] if kind == "shell" else BODIES[kind].format(python=sys.executable)
        (folder / "Snakefile").write_text(TRIVIAL.format(count=count, body=body))
        (folder / "work.py").write_text("open(snakemake.output[0], 'w').close()\n")
    else:
        clone(folder)
        (folder / "Snakefile").write_text(OURS.format(count=count, env=env))
        (folder / "scripts/work.py").write_text(WORK)
    return folder


def per_job(parent: Path, runs: int) -> dict[str, float]:
    """Return CPU seconds per job of the rules in BODIES and of ours, by the slope from 5 to 65 jobs."""
    taken: dict[str, list[float]] = {kind: [] for kind in (*BODIES, "ours")}
    folders = {(kind, count): job_folder(parent, kind, count, "table") for kind in taken for count in (5, 65)}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--scheduler", "greedy", "--rerun-triggers", "mtime"]
    for turn in range(runs + 1):
        for kind in taken:
            seconds = {}
            for count in (5, 65):
                shutil.rmtree(folders[kind, count] / "made", ignore_errors=True)
                seconds[count], _ = cpu(command, folders[kind, count])
            if turn:
                taken[kind].append((seconds[65] - seconds[5]) / 60)
    return {kind: statistics.median(values) for kind, values in taken.items()}


def fresh(parent: Path) -> dict[str, float]:
    """Return elapsed seconds of environments and deploy of the default case in a fresh clone, and of deploy alone."""
    folder = clone(parent / "fresh")
    own = {"OUROBOROS_ENVS": str(folder / ".envs")}
    start = time.perf_counter()
    subprocess.run([sys.executable, "envs/build"], cwd=folder, env=environment(**own), check=True)
    middle = time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "deploy"]
    subprocess.run(command, cwd=folder, env=environment(**own), check=True, capture_output=True)
    end = time.perf_counter()
    return {"environments and deploy": end - start, "deploy": end - middle}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("OUROBOROS_ENVS", str(ROOT / ".envs"))
    with tempfile.TemporaryDirectory() as name:
        parent = Path(name)
        ours = clone(parent / "tiny")
        tiny.make(ours)
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "2"]
        cpu([*snakemake, "deploy"], ours)
        bare = bare_graph(parent / "bare")
        figures = alternate(
            {
                "bare -n": ([*snakemake, "-n"], bare),
                "ours -n": ([*snakemake, "-n", "deploy"], ours),
                "ours explain": ([*snakemake, "explain"], ours),
            },
            options.runs,
        )
        jobs = per_job(parent, max(3, options.runs // 2))
        result = {
            "cpu seconds": figures,
            "no-op dry run against bare": figures["ours -n"] / figures["bare -n"],
            "explain against dry run": figures["ours explain"] / figures["ours -n"],
            "cpu seconds per job": jobs,
            "job of ours against": {kind: jobs["ours"] / jobs[kind] for kind in BODIES},
        }
        if options.fresh:
            result["elapsed seconds from a fresh clone"] = fresh(parent)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
