"""Run the workflow of a checkout on a cluster, with jobs that write down when they ran."""

import os
import signal
import subprocess
from pathlib import Path

from scripts.provenance.environment import env_id
from tests.slurm.cluster import Cluster
from tests.slurm.waiting import wait_for
from tests.workflow import ROOT, environment

PYTHON = Path(os.environ.get("OUROBOROS_ENVS") or ROOT / ".envs") / env_id("slurm", ROOT / "envs") / "bin/python"
SOON = ["--slurm-init-seconds-before-status-checks", "7", "--max-status-checks-per-second", "1", "--latency-wait", "5"]
JOBS = """\
rule made:
    output:
        "made/{{name}}",
    shell:
        "date +%s >> times/{{wildcards.name}};"
        " python3 -c 'import time; kept = bytearray({megabytes} << 20); time.sleep({seconds})';"
        " date +%s >> times/{{wildcards.name}};"
        " echo gpu ${{{{CUDA_VISIBLE_DEVICES-none}}}} > {{output}}"
"""


PROFILE = ("--profile", "profiles/slurm")
ALONE = ("--executor", "slurm", "--jobs", "9")  # no profile but that of every run


def command(*words: str, options: tuple[str, ...] = PROFILE) -> list[str]:
    """Return the command that runs Snakemake on a cluster, asking for states sooner than the profile does."""
    return [str(PYTHON), "-m", "snakemake", *words, *options, *SOON]


class Run:
    """Snakemake at work in the background: jobs that make made/a, made/b, ..., each for some *seconds*."""

    def __init__(
        self,
        folder: Path,
        cluster: Cluster,
        names: str,
        seconds: int,
        *words: str,
        megabytes: int = 0,
        options: tuple[str, ...] = PROFILE,
    ):
        self.folder, self.cluster, self.names = folder, cluster, names
        (folder / "times").mkdir(exist_ok=True)
        (folder / "made.smk").write_text(JOBS.format(seconds=seconds, megabytes=megabytes))
        if "made.smk" not in (folder / "Snakefile").read_text():
            with open(folder / "Snakefile", "a") as file:
                file.write('\n\ninclude: "made.smk"\n')
        own = {"cwd": folder, "env": environment(**cluster.environment()), "start_new_session": True}
        self.log = folder / "stderr"
        with open(self.log, "w") as log:
            targets = [f"made/{name}" for name in names]
            self.process = subprocess.Popen(command(*targets, *words, options=options), stderr=log, stdout=log, **own)

    def started(self, count: int = 1) -> "Run":
        """Wait until *count* jobs have begun their work."""
        wait_for("jobs at work", lambda: len(list(self.folder.glob("times/*"))) >= count, 60)
        return self

    def numbers(self) -> list[str]:
        """Return the numbers of the jobs of this folder that wait or run."""
        rows = [
            line.split(maxsplit=1) for line in self.cluster.ask("squeue", "--noheader", "--format=%i %Z").splitlines()
        ]
        return [number for number, folder in rows if folder == str(self.folder)]

    def send(self, number: int) -> int:
        """Send a signal to Snakemake alone and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(140)

    def end(self) -> str:
        """Return what it said; fails the test if it failed, or not all files were made."""
        try:
            status = self.process.wait(100)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            status = "too long"
        assert status == 0, self.log.read_text() + self.cluster.ask("squeue", "--states=all")
        assert all((self.folder / "made" / name).exists() for name in self.names)
        return self.log.read_text()

    def times(self, name: str) -> list[int]:
        """Return when the jobs of one file began and ended, in the order in which they wrote it down."""
        return [int(line) for line in (self.folder / "times" / name).read_text().split()]
