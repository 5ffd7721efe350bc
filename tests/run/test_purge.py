"""Rows and spans purged from every version: git's pointers, cache, remotes, results; nothing else changes."""

import gzip
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from scripts.provenance.environment import env_id
from scripts.release.reproduce import FOLDER
from tests import tiny
from tests.workflow import ROOT, clone, environment, snakemake

pytestmark = pytest.mark.usefixtures("warmed")
KEYS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_DEFAULT_REGION": "us-east-1"}
ROW = str(2_001_003)  # the key of the row to purge, in all versions of 2001
NOTE = " ".join(["a", "secret", "note"])  # so that this file does not hold it


def git(root: Path, *arguments: str) -> None:
    """Run git as somebody."""
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def dvc(root: Path, *arguments: str) -> str:
    """Run the real DVC, which must succeed."""
    command = [root / "envs/python", env_id("version", ROOT / "envs"), "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=environment(**KEYS), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def secret_rows() -> list[list[str]]:
    """Return the rows of 2001, one with a note that must vanish."""
    rows = tiny.rows("2001")
    rows[3][3] = NOTE
    return rows


@pytest.fixture
def root(tmp_path) -> Path:
    """Return a clone whose span 2001 has two versions in git, pushed to a folder, and 2001 copied in another case."""
    made = clone(tmp_path / "clone")
    tiny.make(made)
    case = made / "config/cases/tiny.yaml"
    case.write_text(case.read_text() + "version:\n  key: [id]\n")
    git(made, "config", "user.email", "keeper@example.org")
    dvc(made, "remote", "add", "--default", "store", str(tmp_path / "store"))
    for number, rows in enumerate([secret_rows()[:100], secret_rows()]):
        tiny.write_span(made / "data/tiny", "2001", rows)
        git(made, "add", "--all")
        git(made, "commit", "--message", f"Version {number}")
        run = snakemake(made, "push", "version")
        assert run.returncode == 0, run.stderr
    return made


def files_with(root: Path, text: str, *more: Path) -> list[Path]:
    """Return the files below *root* and *more*, .git left out, that hold *text*, packed or not."""
    found = []
    for path in [path for place in (root, *more) for path in place.rglob("*") if path.is_file()]:
        content = path.read_bytes() if ".git" not in path.parts else b""
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        if text.encode() in content:
            found.append(path)
    return found


def data_files(root: Path) -> dict[str, bytes]:
    """Return the data files next to the pointers."""
    return {path.name: path.read_bytes() for path in (root / "data/tiny").glob("*.csv")}


def purge(root: Path, *arguments: str, **more: str) -> str:
    """Run `snakemake purge`, which must succeed, and return what it says."""
    run = snakemake(root, "purge", "--config", *arguments, **KEYS, **more)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr


def rows_file(root: Path) -> str:
    (root / "rows.csv").write_text(f"id\n{ROW}\n")
    return "rows=rows.csv"


@pytest.mark.timeout(300)
@pytest.mark.feature("D6", "D3")
def test_row_goes_from_every_version(root, tmp_path):
    store = tmp_path / "store"
    before, objects = data_files(root), len(list(store.rglob("*/??/*")))
    assert len(files_with(root, NOTE, store)) >= 6  # two versions in cache and remote, the working copy, raw
    assert "2 versions would be purged; confirm=yes does it" in purge(root, rows_file(root))
    assert data_files(root) == before and (root / "results/tiny/version/2001/raw").exists()

    output = purge(root, rows_file(root), "confirm=yes")
    assert "2 versions purged, 1 pointers changed" in output
    (root / "rows.csv").unlink()
    assert files_with(root, NOTE, store) == [] and files_with(root, ROW, store) == []
    after = data_files(root)
    lines = before["2001.csv"].splitlines(keepends=True)
    assert after["2001.csv"] == b"".join(line for line in lines if not line.startswith(ROW.encode()))
    assert {name: data for name, data in after.items() if name != "2001.csv"} == {
        name: data for name, data in before.items() if name != "2001.csv"
    }
    assert len(list(store.rglob("*/??/*"))) == objects  # a cleaned version for each that went
    log = [json.loads(line) for line in (root / "data/tiny/purged.jsonl").read_text().splitlines()]
    md5 = hashlib.md5(after["2001.csv"]).hexdigest()
    assert {(entry["pointer"], entry["rows"], entry["who"]) for entry in log} == {
        ("2001.csv.dvc", 1, "keeper@example.org")
    }
    assert {entry["old"] for entry in log} == {hashlib.md5(before["2001.csv"]).hexdigest(), first_md5(root)}
    assert md5 in {entry["new"] for entry in log} and ROW not in (root / "data/tiny/purged.jsonl").read_text()
    assert md5 in (root / "data/tiny/2001.csv.dvc").read_text()

    files = sorted(path for path in root.rglob("*") if path.is_file() and ".snakemake" not in path.parts)
    assert "nothing to purge" in purge(root, rows_file(root), "confirm=yes")
    (root / "rows.csv").unlink()
    assert sorted(path for path in root.rglob("*") if path.is_file() and ".snakemake" not in path.parts) == files

    shutil.rmtree(root / ".dvc/cache")
    (root / "data/tiny/2001.csv").unlink()
    assert snakemake(root, "version").returncode == 0  # the cleaned version comes from the remote
    git(root, "checkout", "HEAD", "--", "data/tiny/2001.csv.dvc")
    (root / "data/tiny/2001.csv").unlink(missing_ok=True)
    refused = snakemake(root, "version")
    assert (
        "names a version that was purged on" in refused.stderr and "(1 rows); without them it has md5" in refused.stderr
    )


@pytest.mark.timeout(300)
@pytest.mark.feature("D6")
def test_next_purge_leaves_none_of_the_versions_that_an_earlier_one_made(root, tmp_path):
    store, other = tmp_path / "store", str(2_001_009)
    objects = len(list(store.rglob("*/??/*")))
    purge(root, rows_file(root), "confirm=yes")
    git(root, "commit", "--all", "--message", "Purge one row")
    (root / "rows.csv").write_text(f"id\n{other}\n")
    output = purge(root, "rows=rows.csv", "confirm=yes")
    (root / "rows.csv").unlink()
    assert "2 versions purged, 1 pointers changed" in output and " stays, " not in output
    assert files_with(root, other, store) == [] and files_with(root, ROW, store) == []
    assert len(list(store.rglob("*/??/*"))) == objects
    log = [json.loads(line) for line in (root / "data/tiny/purged.jsonl").read_text().splitlines()]
    assert len(log) == 4 and {entry["old"] for entry in log[2:]} == {entry["new"] for entry in log[:2]}
    git(root, "checkout", "HEAD~1", "--", "data/tiny/2001.csv.dvc")
    rows_file(root)
    assert "0 versions purged, 1 pointers changed" in purge(root, "span=2001", "rows=rows.csv", "confirm=yes")
    assert md5_of(root / "data/tiny/2001.csv") in (root / "data/tiny/2001.csv.dvc").read_text()


@pytest.mark.timeout(300)
@pytest.mark.feature("D6")
def test_rows_go_from_logs_and_from_what_reproduce_left(root, tmp_path):
    other = str(2_001_100)  # only the second version has it
    assert snakemake(root, "diff", "--config", "span=2001", "old=HEAD~1", "new=HEAD").returncode == 0
    built = root / FOLDER / "tiny"
    built.mkdir(parents=True)
    shutil.copy(root / "data/tiny/2001.csv", built)
    built.with_suffix(".log").write_text(f"row {other}")
    log, late = root / "serving/tiny/requests/2001-01-02.jsonl", root / "data/tiny/feedback/labels/1.csv"
    for path in (log, late):
        path.parent.mkdir(parents=True)
    entry = {"request": f"of {other}", "rows": [{"id": int(other)}], "scores": [0.5]}
    log.write_text(json.dumps(entry) + "\n")
    late.write_text(f"request,label\nof {other},yes\n")
    found = {str(path.relative_to(root)) for path in files_with(root, other)}
    assert {f"{FOLDER}/tiny/2001.csv", f"{FOLDER}/tiny.log", "logs/tiny/version/diff.log"} <= found
    (root / "rows.csv").write_text(f"id\n{other}\n")
    assert "1 rows are purged, with 1 labels and actions" in purge(root, "rows=rows.csv", "confirm=yes")
    (root / "rows.csv").unlink()
    assert files_with(root, other, tmp_path / "store") == [] and not built.exists()


def first_md5(root: Path) -> str:
    """Return the md5 of the first version of 2001."""
    command = ["git", "log", "--reverse", "--format=%H", "--", "data/tiny/2001.csv.dvc"]
    first = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split()[0]
    command = ["git", "show", f"{first}:data/tiny/2001.csv.dvc"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split()[3].strip("'")


@pytest.mark.timeout(300)
@pytest.mark.feature("D6")
def test_whole_span_goes_but_what_another_case_names_stays(root, tmp_path):
    other = root / "data/other"
    other.mkdir()
    shutil.copy(root / "data/tiny/2001.csv.dvc", other / "copy.csv.dvc")
    text = (other / "copy.csv.dvc").read_text().replace("2001.csv", "copy.csv")
    (other / "copy.csv.dvc").write_text(text)
    last = hashlib.md5((root / "data/tiny/2001.csv").read_bytes()).hexdigest()
    output = purge(root, "span=2001", "confirm=yes")
    assert f"{last} stays, because data/other/copy.csv.dvc names it" in output
    assert not list((root / "data/tiny").glob("2001*"))
    remaining = {path.relative_to(tmp_path) for path in files_with(root, NOTE, tmp_path / "store")}
    place = Path("files/md5", last[:2], last[2:])
    assert remaining == {Path("store") / place, Path("clone/.dvc/cache") / place}
    (other / "copy.csv.dvc").unlink()
    case = root / "config/cases/tiny.yaml"
    case.write_text(case.read_text().replace('["2001", "2002"]', '["2002"]'))
    purge(root, "span=2001", "confirm=yes")
    assert files_with(root, NOTE, tmp_path / "store") == []


KILLER = """\
import os, runpy, sys
left = int(sys.argv.pop(1))
def kill(event, arguments):
    global left
    if event in ("os.rename", "os.remove", "os.link") and not str(arguments[0]).startswith(os.path.abspath(".dvc/tmp")):
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(kill)
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.timeout(300)
@pytest.mark.feature("D6")
def test_rows_go_from_a_folder(root, tmp_path):
    folder, store = root / "data/tiny/2005", tmp_path / "store"
    (folder / "sub").mkdir(parents=True)
    bad = f"id,note\n{ROW},{NOTE}\n"
    files = {"a.csv": f"{bad}2,b\n", "c.csv": bad, "sub/b.csv": "id,note\n3,c\n"}
    for name, content in files.items():
        (folder / name).write_text(content)
    dvc(root, "add", "--quiet", "data/tiny/2005")
    dvc(root, "push", "--quiet", "data/tiny/2005.dvc")
    purge(root, rows_file(root), "span=2005", "confirm=yes")
    (root / "rows.csv").unlink()
    purged = {"a.csv": "id,note\n2,b\n", "c.csv": "id,note\n", "sub/b.csv": files["sub/b.csv"]}
    assert {name: (folder / name).read_text() for name in files} == purged
    dvc(root, "status", "--quiet", "data/tiny/2005.dvc")  # fails where the pointer is not what is there
    old = {md5_of_text(files[name]) for name in ("a.csv", "c.csv")}
    objects = [*store.rglob("*"), *(root / ".dvc/cache").rglob("*")]
    assert not old & {path.parent.name + path.name for path in objects}
    shutil.rmtree(root / ".dvc/cache")
    shutil.rmtree(folder)
    dvc(root, "pull", "--quiet", "data/tiny/2005.dvc")  # DVC itself finds all of the cleaned version in the remote
    assert {name: (folder / name).read_text() for name in files} == purged


def md5_of_text(text: str) -> str:
    """Return the md5 of *text*."""
    return hashlib.md5(text.encode()).hexdigest()


@pytest.mark.full
@pytest.mark.takes(60)
@pytest.mark.timeout(600)
@pytest.mark.feature("D6")
def test_purge_killed_before_any_of_its_changes_is_completed_by_the_next(tmp_path):
    root = tmp_path / "work"
    root.mkdir()
    git(root, "init", "--quiet")
    for name in ("envs", "scripts"):
        (root / name).symlink_to(ROOT / name)
    dvc(root, "init", "--quiet")
    dvc(root, "remote", "add", "--default", "store", "store")
    for number, rows in enumerate([secret_rows()[:100], secret_rows()]):
        tiny.write_span(root / "data/tiny", "2001", rows)
        dvc(root, "add", "--quiet", "data/tiny/2001.csv")
        dvc(root, "push", "--quiet")
        git(root, "add", "data", ".dvc")
        git(root, "commit", "--message", f"Version {number}")
    config = {"span": "", "rows": "rows.csv", "expired": "", "confirm": "yes", "key": ["id"], "pattern": "{SPAN}"}
    form = {"format": "auto", "separator": ",", "encoding": "utf-8", "quote": '"', "header": True}
    form |= {"skip_lines": 0, "comment": "", "trim": False, "columns": {"id": "integer"}, "timezone": "UTC"}
    config |= {"ingest": form}
    (root / "job-spec.json").write_text(json.dumps({"config": config}))
    rows_file(root)
    log, labels = root / "serving/tiny/requests/2001-01-02.jsonl", root / "data/tiny/feedback/labels/1.csv"
    for path in (log, labels):
        path.parent.mkdir(parents=True)
    entry = {"time": "2001-01-02T03:04:05+00:00", "request": "q", "case": "tiny", "version": 1, "bundle": "b"}
    entry |= {"rows": [{"id": int(ROW), "note": NOTE}, {"id": 5, "note": "x"}], "scores": [0.25, 0.5]}
    log.write_text(json.dumps(entry, separators=(",", ":")) + "\n")
    labels.write_text(f"request,position,label\nq,0,{NOTE}\nq,1,yes\n")
    python = [ROOT / "envs/python", env_id("version", ROOT / "envs")]
    arguments = [
        "scripts/version/purge.py",
        "--job-spec",
        "job-spec.json",
        "--folder",
        "data/tiny",
        "--results",
        "results/tiny",
        "--serving",
        "serving/tiny",
        "--others",
    ]
    killed, code, place = 0, 9, tmp_path / "copy"
    while code == 9:
        shutil.copytree(root, place, symlinks=True)
        command = [*python, "-c", KILLER, str(killed), *arguments]
        code = subprocess.run(command, cwd=place, env=environment(), capture_output=True).returncode
        md5 = (place / "data/tiny/2001.csv.dvc").read_text().split("md5: ")[1][:32]
        named = [path for path in place.rglob(f"{md5[:2]}/{md5[2:]}") if md5_of(path) == md5]
        assert named, f"killed before change {killed}: the pointer names {md5}, which neither cache nor remote has"
        done = subprocess.run([*python, *arguments], cwd=place, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (place / "rows.csv").unlink()
        assert files_with(place, NOTE) == [] and files_with(place, ROW) == [], killed
        (kept,) = map(json.loads, (place / log.relative_to(root)).read_text().split("\n")[:-1])
        assert kept["rows"][-1] == {"id": 5, "note": "x"} and kept["request"] == "q", killed
        assert (place / labels.relative_to(root)).read_text().endswith("q,1,yes\n"), killed
        assert len((place / "data/tiny/purged.jsonl").read_text().splitlines()) == 2
        md5 = (place / "data/tiny/2001.csv.dvc").read_text().split("md5: ")[1][:32]
        assert md5_of(place / "data/tiny/2001.csv") == md5
        shutil.rmtree(place)
        killed += 1
    assert code == 0 and killed > 10


def md5_of(path: Path) -> str:
    """Return the md5 of a file."""
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.timeout(300)
@pytest.mark.feature("I11", "D6")
def test_expired_span_is_refused_and_removed(root, tmp_path):
    pointer = root / "data/tiny/2001.csv.dvc"
    pointer.write_text(pointer.read_text() + "meta:\n  retention: 2026-06-30\n")
    assert "0 versions would be purged" in purge(root, "expired=yes", OUROBOROS_TODAY="2026-06-30")
    late = {"OUROBOROS_TODAY": "2026-07-01"}
    shutil.rmtree(root / "results")
    command = [root / "envs/python", env_id("version", ROOT / "envs"), root / "scripts/version/fetch.py"]
    command += ["--pointer", "data/tiny/2001.csv.dvc", "--raw", "made"]
    refused = subprocess.run(command, cwd=root, env=environment(**late), capture_output=True, text=True)
    assert refused.returncode == 2 and "could be used until 2026-06-30 (meta.retention)" in refused.stderr
    purge(root, "expired=yes", "confirm=yes", **late)
    assert files_with(root, NOTE, tmp_path / "store") == [] and pointer.exists()
    run = snakemake(root, "version", **late)
    assert run.returncode == 0 and "their retention has ended: 2001" in run.stderr, run.stderr


@pytest.mark.timeout(300)
@pytest.mark.feature("D6")
def test_objects_of_s3_go_and_no_others(root):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        options = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up", "region_name": "us-east-1"}
        client = boto3.client("s3", endpoint_url=address, **options)
        client.create_bucket(Bucket="data")
        dvc(root, "remote", "add", "--default", "--force", "store", "s3://data/store")
        dvc(root, "remote", "modify", "store", "endpointurl", address)
        assert snakemake(root, "push", **KEYS).returncode == 0

        def stored() -> dict[str, bytes]:
            keys = [item["Key"] for item in client.list_objects_v2(Bucket="data")["Contents"]]
            return {key: client.get_object(Bucket="data", Key=key)["Body"].read() for key in keys}

        before = stored()
        purge(root, rows_file(root), "confirm=yes")
        after = stored()
        gone, came = set(before) - set(after), set(after) - set(before)
        assert [NOTE.encode() in before[key] for key in gone] == [True] and len(came) == 1
        assert not [key for key in after if NOTE.encode() in after[key]]
        assert all(before[key] == after[key] for key in set(before) & set(after))
    finally:
        server.stop()


@pytest.mark.timeout(300)
@pytest.mark.feature("D5")
def test_difference_of_two_versions(root):
    rows = secret_rows()
    rows[5][1] = "99.5"
    del rows[7]
    rows.append(["2001999", "1.0", "red", "new", "2001-01-01", "no"])
    tiny.write_span(root / "data/tiny", "2001", rows)
    run = snakemake(root, "diff", "--config", "span=2001")
    assert run.returncode == 0, run.stderr
    assert "1 added, 1 removed, 1 changed, 148 same" in run.stderr and "-> '99.5'" in run.stderr
    found = json.loads((root / "results/tiny/diff/2001.json").read_text())
    assert [row["id"] for row in found["added"]] == ["2001999"] and [row["id"] for row in found["removed"]] == [
        "2001007"
    ]
    assert found["changed"][0]["key"] == {"id": "2001005"} and list(found["changed"][0]["columns"]) == ["weight"]
    run = snakemake(root, "diff", "--config", "span=2001", "old=HEAD~1", "new=HEAD")
    assert "50 added, 0 removed, 0 changed, 100 same" in run.stderr, run.stderr
    run = snakemake(root, "diff", "--config", "span=2001", f"old={first_md5(root)}", "new=HEAD")
    assert "50 added, 0 removed, 0 changed, 100 same" in run.stderr, run.stderr
    refused = snakemake(root, "diff", "--config", "span=1999")
    assert refused.returncode != 0 and "diff needs span=SPAN; spans of data/tiny: 2001, 2002" in refused.stderr
