"""What profiles/slurm/bin makes of the commands that Snakemake and its executors run."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.provenance.cluster import find_orphans, list_job_names
from tests.workflow import ROOT

SHOW = '#!/bin/sh\nprintf "%s\\n" "$@"\n[ -z "$OUROBOROS_SBATCH" ] || printf "\\n%s" "$OUROBOROS_SBATCH"\n'
RULES = " ingest_span=ingest/ingest_span tune=tune last_tune=x/last_tune "


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    """Put commands of SLURM that print their words, behind the wrappers, on PATH; return their folder."""
    for name in ("sbatch", "squeue", "sacct"):
        (tmp_path / name).write_text(SHOW)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{ROOT}/profiles/slurm/bin:{tmp_path}:{os.defpath}")
    monkeypatch.setenv("OUROBOROS_CASE", "tiny")
    monkeypatch.setenv("OUROBOROS_RULES", RULES)
    return tmp_path


def run(*words: str) -> list[str]:
    """Run a command; return the lines that it prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.feature("H7")
@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("rule_ingest_span_wildcards_2001", "tiny/ingest/ingest_span/2001"),
        ("rule_tune", "tiny/tune"),
        ("rule_other_wildcards_a_b", "tiny/other/a_b"),
    ],
)
def test_job_is_named_marked_and_told_its_options(path, comment, name):
    words = ["--parsable", "--job-name", "a-b-c", "--comment", comment, "-p", "gpu", "--nodelist=n[1-2]"]
    own = ["--parsable", "--job-name", name, "--comment", f"ouroboros {name}", "-p", "gpu", "--nodelist=n[1-2]"]
    assert run("sbatch", *words, "--wrap=x 'y z'") == [*own, "--wrap=x 'y z'", "", *own]


def test_jobs_of_other_executors_are_marked_and_keep_their_names(path):
    assert run("sbatch", "-J", "a", "--mem=1", "job.sh")[:5] == ["--comment=ouroboros ", "-J", "a", "--mem=1", "job.sh"]
    assert run("sbatch", "--comment=x y", "job.sh") == [
        "--comment=ouroboros x y",
        "job.sh",
        "",
        "--comment=ouroboros x y",
    ]


def test_states_come_from_squeue_for_all_jobs(path):
    expected = ["--noheader", "--states=all", "--format=%i|%T", f"--user={os.getuid()}"]
    assert run("squeue", "--format=%i|%T", "--states=all", "--noheader", "--name", "a-b-c") == expected
    query = ["-X", "--parsable2", "--clusters", "all", "--noheader", "--format=JobIdRaw,State", "--starttime", "x"]
    asked = [*query, "--endtime", "now", expected[-1]]
    assert run("sacct", *query, "--endtime", "now", "--name", "a-b-c") == asked + expected
    for text, rows in (("echo '7|CANCELLED by 0'", ["7|CANCELLED"]), ("echo no database >&2; exit 1", [])):
        (path / "sacct").write_text(f"#!/bin/sh\n{text}\n")
        assert run("sacct", *query, "--endtime", "now", "--name", "a-b-c") == rows + expected


def test_other_queries_are_passed_on(path):
    assert run("squeue", "--noheader", "--name=x") == ["--noheader", "--name=x"]
    assert run("sacct", "--name=x", "--format=JobID,JobName") == ["--name=x", "--format=JobID,JobName"]


def test_stage_of_a_rule_is_its_file():
    rules = [SimpleNamespace(name=name, snakefile=f"/a/rules/{stage}.smk") for name, stage in (("a", "b"), ("c", "c"))]
    assert list_job_names(rules) == ["a=b/a", "c=c"]


def test_orphans_are_found_by_mark_and_folder(path, monkeypatch):
    monkeypatch.chdir(path)
    here, listed = os.path.realpath("."), path / "listed"
    rows = ["1|ouroboros tiny/tune|{0}", "2|ouroboros |{0}", "3|(null)|{0}", "4|ouroboros x|/", "5|a|b|{0}", "6||{0}"]
    listed.write_text("\n".join(rows).format(here))
    (path / "squeue").write_text(f"#!/bin/sh\ncat {listed}\n")
    assert find_orphans(is_slurm=True) == ["1", "2"]


def test_queue_that_cannot_be_read_stops_only_runs_on_slurm(path, monkeypatch):
    (path / "squeue").write_text("#!/bin/sh\necho no controller >&2\nexit 1\n")
    assert find_orphans(is_slurm=False) == []
    with pytest.raises(SystemExit, match="error: the queue of SLURM cannot be read: no controller"):
        find_orphans(is_slurm=True)
    monkeypatch.setenv("PATH", str(path / "empty"))
    assert find_orphans(is_slurm=False) == []
    with pytest.raises(SystemExit, match="there is no squeue on this machine"):
        find_orphans(is_slurm=True)
