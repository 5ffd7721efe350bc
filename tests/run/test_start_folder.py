"""Snakemake that is started from another folder says where to start, and leaves nothing there."""

import pytest

from tests import tiny
from tests.workflow import clone, snakemake


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return a clone with the tiny case."""
    folder = clone(tmp_path_factory.mktemp("start") / "clone")
    tiny.make(folder)
    return folder


def test_other_folder_is_refused_with_one_sentence(fresh, tmp_path):
    sentence = f"error: start in the folder of the Snakefile, without --directory: cd {fresh}\n"
    for place, words in ((tmp_path, ["-s", f"{fresh}/Snakefile"]), (fresh, ["--directory", str(tmp_path)])):
        run = snakemake(place, "-n", "deploy", *words, "--config", "case=tiny")
        assert run.returncode == 1 and run.stderr.endswith(sentence) and "Traceback" not in run.stderr, run.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {".snakemake"}


def test_folder_by_another_name_is_the_same(fresh, tmp_path):
    (tmp_path / "link").symlink_to(fresh)
    run = snakemake(tmp_path / "link", "-n", "deploy", "-s", f"{fresh}/Snakefile", "--config", "case=tiny")
    assert run.returncode == 0, run.stderr
