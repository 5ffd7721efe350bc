"""A sweep of slow trials on a cluster: the job of the sweep and its helpers, and what they must give in the end."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tests import tiny
from tests.slurm.cluster import Cluster
from tests.slurm.waiting import wait_for
from tests.workflow import clone, environment, snakemake

TRIALS = 30
FAMILY = '''"""Logistic regression that takes its time, and writes down where each fit ran."""

import os
import time
from pathlib import Path

from scripts.families.logistic import Logistic


class Slow(Logistic):
    """A fit of a second, or as many as file `seconds` says; the first helper to take the file `greedy` wants 3 GB."""

    space = {"C": {"loguniform": [0.01, 100]}}

    def fit(self, x, y, params, seed, task, device):
        with open("fits", "a") as file:
            file.write(f"{os.environ.get('SLURM_JOB_ID')} {os.environ.get('CUDA_VISIBLE_DEVICES')} {params['C']!r}\\n")
        try:
            Path("greedy" if "SLURM_ARRAY_JOB_ID" in os.environ else "nothing").unlink()
            kept = b"x" * (3 << 30)
            time.sleep(60)
        except FileNotFoundError:
            file = Path("seconds")
            time.sleep(float(file.read_text()) if file.exists() else 1)
        return super().fit(x, y, params, seed, task, device)


FAMILY = Slow()
'''


def prepare(folder: Path) -> Path:
    """Make a clone with the tiny case, its features, and a sweep that is to be run; return it."""
    clone(folder)
    tiny.make(folder)
    (folder / "scripts/families/slow.py").write_text(FAMILY)
    case = folder / "config/cases/tiny.yaml"
    text = case.read_text().replace("logistic:", "slow:").replace("trials: 4", f"trials: {TRIALS}")
    case.write_text(text.replace("width: 2", "width: 12"))
    helpers = folder / "scripts/tune/worker_jobs.py"
    helpers.write_text(re.sub(r"^QUEUE_INTERVAL = .*", "QUEUE_INTERVAL = 2.0", helpers.read_text(), flags=re.M))
    run = snakemake(folder, "preprocess")
    assert run.returncode == 0, run.stderr
    return folder


def command(folder: Path) -> list[str]:
    """Return the command of the job of the sweep, for two trials at a time."""
    run = snakemake(folder, "--dry-run", "--printshellcmds", "--set-threads", "tune=2", "--", "tune")
    (line,) = [line for line in (run.stdout + run.stderr).splitlines() if "scripts/tune/tune.py" in line]
    words = shlex.split(line.removeprefix("Shell command: ").partition(" 3>&2")[0])
    words[words.index("--jobs") + 1] = "3"
    return words


class Sweep:
    """The job of a sweep with up to two helpers, submitted to *cluster* with *options* of sbatch."""

    def __init__(self, cluster: Cluster, folder: Path, *options: str):
        self.cluster, self.folder = cluster, folder
        own = ["--parsable", "--cpus-per-task=2", "--mem=900", f"--chdir={folder}", f"--output={folder}/main.log"]
        words = ["sbatch", *own, "--requeue", *options, f"--wrap=exec {shlex.join(command(folder))}"]
        own = cluster.environment()
        own["PATH"] = f"{folder}/profiles/slurm/bin:{own['PATH']}"
        run = subprocess.run([*cluster.prefix, *words], env=environment(**own), capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        self.main = run.stdout.strip()

    def jobs(self, *states: str) -> list[str]:
        """Return the numbers of the helpers in the queue, or of those in some *states*."""
        listed = self.cluster.ask("squeue", "--noheader", "--array", "--format=%i %T %j %Z").splitlines()
        rows = [line.split(maxsplit=3) for line in listed]
        mine = [row for row in rows if row[2].startswith("tiny/tune/worker-") and row[3] == str(self.folder)]
        return [row[0] for row in mine if not states or row[1] in states]

    def node(self, job: str) -> str:
        """Return the node on which a job runs."""
        return self.cluster.ask("squeue", "--noheader", f"--jobs={job}", "--format=%N").strip()

    def fits(self) -> list[list[str]]:
        """Return job, GPUs and setting of each fit that began."""
        file = self.folder / "fits"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def said(self) -> str:
        """Return the logs of all helpers."""
        return "".join(file.read_text() for file in (self.folder / "logs/slurm/helpers").iterdir())

    def shared(self, jobs: int = 3) -> "Sweep":
        """Return once so many jobs of this sweep fit."""
        wait_for("jobs that fit", lambda: len({row[0] for row in self.fits()}) >= jobs, 60)
        return self

    def end(self, further: int = 0) -> None:
        """Wait for the end; fails the test if more than *further* trials were run twice, or anything is left over."""
        wait_for("end of the sweep", lambda: not self.cluster.ask("squeue", "--noheader", f"--jobs={self.main}"), 200)
        log = (self.folder / "main.log").read_text()
        assert (self.folder / "results/tiny/tune/record.json").exists(), log
        assert TRIALS <= len(self.fits()) <= TRIALS + further, f"{self.fits()}\n{log}"
        wait_for("no helpers", lambda: not self.jobs())
        assert not list((self.folder / "results/tiny/tune/sweeps").glob("*/*/*.claim"))


def results(folder: Path) -> dict[str, bytes]:
    """Return what the sweep of a clone gave."""
    return {name: (folder / "results/tiny/tune" / name).read_bytes() for name in ("trials.json", "best.json")}


def copied(source: Path, target: Path) -> Path:
    """Return a copy of a prepared clone."""
    return Path(shutil.copytree(source, target, symlinks=True))


def locally(folder: Path) -> dict[str, bytes]:
    """Run the sweep on this machine, as an ordinary process; return what it gave."""
    run = snakemake(folder, "tune", "--cores", "8", "--set-threads", "tune=8")
    assert run.returncode == 0, run.stderr
    return results(folder)
