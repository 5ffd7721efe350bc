"""Options of Snakemake that would make it run too much or too little are refused (real runs: tests/run)."""

import os
from types import SimpleNamespace

import pytest

from scripts.provenance.snakemake_api import (
    check_options,
    count_slots,
    find_option_problem,
    find_unwritable_folder,
)


def workflow(*triggers: str, ancient: dict | None = None, trusts: bool = False) -> SimpleNamespace:
    dag = SimpleNamespace(rerun_triggers=set(triggers), trust_io_cache=trusts)
    return SimpleNamespace(dag_settings=dag, workflow_settings=SimpleNamespace(consider_ancient=ancient or {}))


def test_mtime_alone_is_right():
    assert find_option_problem({"mtime"}, False, False) == ""
    check_options(workflow("mtime"))


@pytest.mark.parametrize("triggers", [(), ("code",), ("mtime", "code"), ("code", "input", "mtime", "params")])
def test_other_triggers_are_refused_with_what_to_add(triggers):
    with pytest.raises(SystemExit, match=r"error: .* add `rerun-triggers: \[mtime\]` to your profile") as stopped:
        check_options(workflow(*triggers))
    assert str(stopped.value).endswith(f"(now: {' '.join(sorted(triggers)) or 'none'})")


def test_options_that_hide_what_is_stale_are_refused():
    with pytest.raises(SystemExit, match="--consider-ancient can hide"):
        check_options(workflow("mtime", ancient={"tune": {"changed"}}))
    with pytest.raises(SystemExit, match="--trust-io-cache can hide"):
        check_options(workflow("mtime", trusts=True))


@pytest.mark.parametrize(
    ("local", "cores", "nodes", "slots"), [(True, 4, 9, 4), (False, 4, 9, 9), (True, None, None, 1)]
)
def test_slots_are_cores_of_the_machine_or_jobs_of_the_cluster(local, cores, nodes, slots):
    resources = SimpleNamespace(cores=cores, nodes=nodes)
    assert count_slots(SimpleNamespace(local_exec=local, resource_settings=resources)) == slots


def test_what_keeps_an_output_from_being_replaced_is_its_folder_not_its_own_mode(tmp_path, monkeypatch):
    (tmp_path / "made/table/inner").mkdir(parents=True)
    for path in ("made/a.json", "made/table/b", "made/table/inner/c"):
        (tmp_path / path).write_text("")
        (tmp_path / path).chmod(0o444)
    protected: list[str] = []
    # root may write everywhere, so modes prove nothing where tests run as root
    monkeypatch.setattr(os, "access", lambda path, mode: os.path.relpath(path, tmp_path) not in protected)
    outputs = [str(tmp_path / path) for path in ("made/a.json", "made/table", "made/none")]
    assert [find_unwritable_folder(path) for path in outputs] == ["", "", ""]
    protected.append("made/table/inner")
    assert [find_unwritable_folder(path) for path in outputs] == ["", str(tmp_path / "made/table/inner"), ""]
    protected.append("made")
    assert [find_unwritable_folder(path) for path in outputs] == [str(tmp_path / "made")] * 2 + [""]
