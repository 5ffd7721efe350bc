"""The identity of an environment depends on the requirement lines of its lock and nothing else."""

import re

from scripts.provenance import environment
from scripts.provenance.environment import env_id, lock_lines, pinned_versions
from tests.workflow import ROOT

LOCK = """\
# made by envs/lock
numpy==2.0.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via -r envs/model.in

colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
PyYAML==6.0.1 # via dvc
"""


def lock(folder, text: str, name: str = "one"):
    """Write a lock in a new folder and return the folder."""
    made = folder / str(sum(1 for _ in folder.iterdir()))
    made.mkdir()
    (made / f"{name}.txt").write_text(text)
    return made


def test_lines_have_no_comments(tmp_path):
    assert lock_lines(lock(tmp_path, LOCK) / "one.txt") == [
        "numpy==2.0.0 \\",
        "--hash=sha256:aa \\",
        "--hash=sha256:bb",
        "colorama==0.4.6 ; sys_platform == 'win32' \\",
        "--hash=sha256:cc",
        "PyYAML==6.0.1",
    ]


def test_comments_and_white_space_do_not_change_an_environment(tmp_path):
    other = "\n\n" + LOCK.replace("# made by envs/lock", "# other").replace("# via dvc", " # via mlflow").replace(
        "    ", "\t"
    )
    assert other != LOCK
    assert env_id("one", lock(tmp_path, LOCK)) == env_id("one", lock(tmp_path, other))


def test_version_hash_marker_and_name_change_an_environment(tmp_path):
    texts = [LOCK, *(LOCK.replace(*words) for words in [("2.0.0", "2.0.1"), (":aa", ":ab"), ("win32", "linux")])]
    ids = {env_id("one", lock(tmp_path, text)) for text in texts} | {env_id("two", lock(tmp_path, LOCK, "two"))}
    assert len(ids) == 5
    assert all(re.fullmatch(r"(one|two)-[0-9a-f]{12}", found) for found in ids)


def test_pins_are_named_in_lower_case_with_all_versions(tmp_path):
    text = LOCK + "numpy==1.26.4 ; python_version < '3.9'\n"
    found = pinned_versions("one", lock(tmp_path, text))
    assert found == {"numpy": "2.0.0 or 1.26.4", "colorama": "0.4.6", "pyyaml": "6.0.1"}


def test_locks_of_the_repository_have_their_own_identities():
    names = [path.stem for path in (ROOT / "envs").glob("*.txt")]
    assert len({env_id(name, ROOT / "envs").rpartition("-")[2] for name in names}) == len(names)


def test_another_python_is_another_environment(tmp_path, monkeypatch):
    folder, ids = lock(tmp_path, LOCK), []
    for python in ("3.11", "3.12", "3.13"):
        monkeypatch.setattr(environment, "PYTHON", python)
        env_id.cache_clear()
        ids.append(env_id("one", folder))
    env_id.cache_clear()
    assert len(set(ids)) == 3
