"""An interrupt ends a run with one word, also where it comes during the start or during the clean-up of another one."""

import pytest

from scripts.console import run_snakemake


def interrupted_clean_up():
    try:
        raise KeyboardInterrupt
    finally:
        raise RuntimeError("This event loop is already running")


def test_an_error_that_follows_an_interrupt_is_one():
    with pytest.raises(RuntimeError) as caught:
        interrupted_clean_up()
    assert run_snakemake.is_interrupted(caught.value)
    assert run_snakemake.is_interrupted(KeyboardInterrupt())
    assert not run_snakemake.is_interrupted(RuntimeError("boom"))


def test_an_interrupt_during_the_start_ends_with_130(monkeypatch, capsys):
    def interrupt(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_snakemake, "run", interrupt)
    assert run_snakemake.main(["deploy"]) == 130
    assert capsys.readouterr().err == "stopped\n"
