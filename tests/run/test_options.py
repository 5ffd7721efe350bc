"""Options of Snakemake that would make it run too much or too little stop it before the first job."""

import pytest

from tests.workflow import deploy, snakemake

ADD = "add `rerun-triggers: [mtime]` to your profile"
FOREIGN = "cores: 2\nscheduler: greedy\n"


def profile(folder, text: str) -> tuple[str, ...]:
    """Return the options that use a profile with this *text* instead of the repository's own."""
    (folder / "foreign").mkdir(exist_ok=True)
    (folder / "foreign/profile.yaml").write_text(text)
    return ("--workflow-profile", str(folder / "foreign"))


@pytest.mark.parametrize("dry", [(), ("-n",)], ids=["run", "dry"])
def test_snakemakes_own_triggers_are_refused(dry, checkout):
    foreign = profile(checkout, FOREIGN)
    cases = [("--workflow-profile", "none"), ("--rerun-triggers", "code"), foreign]
    for options in cases[: 1 if dry else 3]:
        run = snakemake(checkout, "deploy", *options, *dry)
        assert run.returncode == 1 and ADD in run.stderr, run.stderr
        assert "Traceback" not in run.stderr and "checkpoint ingest_span:" not in run.stdout + run.stderr
        assert run.stderr.splitlines()[-1].startswith("error: ")


def test_a_foreign_profile_with_the_key_runs_nothing_that_is_up_to_date(checkout):
    assert deploy(checkout, *profile(checkout, f"{FOREIGN}rerun-triggers: [mtime]\n")) == set()


def test_options_that_hide_what_is_stale_are_refused(checkout):
    run = snakemake(checkout, "deploy", "--consider-ancient", "tune=changed")
    assert run.returncode == 1 and "--consider-ancient can hide what is stale" in run.stderr
