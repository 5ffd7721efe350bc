"""A folder and an S3 server as DVC remote: push, a fetch of one span only, a dry run without data, jobs in parallel."""

import hashlib
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from scripts.provenance.environment import env_id
from tests import tiny
from tests.workflow import ROOT, clone, environment, jobs, snakemake

pytestmark = pytest.mark.usefixtures("warmed")
KEYS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up", "AWS_DEFAULT_REGION": "us-east-1"}


def dvc(root: Path, *arguments: str, **more: str) -> str:
    """Run the real DVC, which must succeed."""
    command = [root / "envs/python", env_id("version", ROOT / "envs"), "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=environment(**KEYS, **more), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def root(tmp_path) -> Path:
    """Return a clone with the tiny case, in git."""
    made = clone(tmp_path / "clone")
    tiny.make(made)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "add", "--all"], cwd=made, check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "Add the tiny case"], cwd=made, check=True)
    return made


@pytest.fixture
def server():
    """Return the address of an S3 server on loopback with the bucket `data`."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    address = "http://{}:{}".format(*running.get_host_and_port())
    options = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=address, **options).create_bucket(Bucket="data")
    yield address
    running.stop()


def add_remote(root: Path, kind: str, address: str) -> None:
    """Make a folder or the S3 server the default remote."""
    url = {"folder": str(root.parent / "store"), "s3": "s3://data/store"}[kind]
    dvc(root, "remote", "add", "--default", "store", url)
    if kind == "s3":
        dvc(root, "remote", "modify", "store", "endpointurl", address)


def remove_all_bytes(root: Path) -> None:
    """Remove all bytes: working copies, cache, results."""
    for path in (root / "data/tiny").glob("*.csv"):
        path.unlink()
    shutil.rmtree(root / ".dvc/cache")
    shutil.rmtree(root / "results", ignore_errors=True)


@pytest.mark.timeout(300)
@pytest.mark.feature("D4", "D2")
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_push_and_fetch(kind, root, server):
    add_remote(root, kind, server)
    pushed = snakemake(root, "push", **KEYS)
    assert pushed.returncode == 0, pushed.stderr
    assert "4 versions are in the DVC remote store" in pushed.stderr
    named = {year: hashlib.md5((root / f"data/tiny/{year}.csv").read_bytes()).hexdigest() for year in tiny.SPANS}
    remove_all_bytes(root)
    dry = snakemake(root, "deploy", "-n", AWS_ENDPOINT_URL="http://127.0.0.1:1")  # needs neither data nor remote
    assert dry.returncode == 0 and "fetch" in dry.stdout, dry.stderr
    assert not (root / "results/tiny/version").exists() and not (root / ".dvc/cache").exists()

    raw = root / "results/tiny/version/2002/raw/2002.csv"
    one = snakemake(root, "results/tiny/version/2002/record.json", **KEYS)
    assert one.returncode == 0 and jobs(one.stderr) == {"fetch 2002"}, one.stderr
    assert hashlib.md5(raw.read_bytes()).hexdigest() == named["2002"]
    objects = [path.parent.name + path.name for path in (root / ".dvc/cache/files/md5").glob("*/*")]
    assert objects == [named["2002"]]  # nothing but what was asked for

    rest = snakemake(root, "version", **KEYS)
    assert rest.returncode == 0 and jobs(rest.stderr) == {"fetch 2001", "fetch 2003", "fetch 2004"}
    assert "bytes from the DVC remote store" in rest.stderr
    pointers = [f"data/tiny/{year}.csv.dvc" for year in tiny.SPANS]
    assert dvc(root, "status", "--cloud", "--json", *pointers).strip() == "{}"


@pytest.mark.timeout(300)
@pytest.mark.feature("D8")
def test_output_that_vanished_is_made_again(root):
    assert snakemake(root, "version").returncode == 0
    assert jobs(snakemake(root, "version").stderr) == set()
    shutil.rmtree(root / "results/tiny/version/2003/raw")
    again = snakemake(root, "version")
    assert jobs(again.stderr) == {"fetch 2003"} and (root / "results/tiny/version/2003/raw/2003.csv").exists()


@pytest.mark.timeout(300)
@pytest.mark.feature("D4")
def test_remote_that_does_not_answer(root, server):
    add_remote(root, "s3", server)
    assert snakemake(root, "push", **KEYS).returncode == 0
    remove_all_bytes(root)
    dvc(root, "remote", "modify", "store", "endpointurl", "http://127.0.0.1:1")
    dvc(root, "remote", "modify", "store", "connect_timeout", "1")
    run = snakemake(root, "results/tiny/version/2002/record.json", AWS_MAX_ATTEMPTS="1", **KEYS)
    assert run.returncode != 0 and "not to be found" in run.stderr, run.stderr
    assert "not in the DVC remote store: " in run.stderr and "Traceback" not in run.stderr


@pytest.mark.timeout(300)
@pytest.mark.feature("D4")
def test_folder_goes_to_the_remote_and_comes_back(root):
    add_remote(root, "folder", "")
    files = {"a.csv": b"id\n1\n", "sub/b.csv": b"id\n2\n"}
    for name, content in files.items():
        path = root / "data/tiny/2005" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    dvc(root, "add", "--quiet", "data/tiny/2005")
    python = [root / "envs/python", env_id("version", ROOT / "envs")]
    arguments = ["scripts/version/push.py", "--pointers", "data/tiny/2005.dvc"]
    subprocess.run([*python, *arguments], cwd=root, env=environment(), check=True)
    shutil.rmtree(root / "data/tiny/2005")
    remove_all_bytes(root)
    arguments = ["scripts/version/fetch.py", "--pointer", "data/tiny/2005.dvc", "--raw", "raw"]
    done = subprocess.run([*python, *arguments], cwd=root, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0 and "10 bytes from the DVC remote store" in done.stderr, done.stderr
    assert {name: (root / "raw" / name).read_bytes() for name in files} == files


@pytest.mark.timeout(300)
@pytest.mark.feature("D7")
def test_fetches_side_by_side_wait_for_each_other(root):
    add_remote(root, "folder", "")
    assert snakemake(root, "push").returncode == 0
    remove_all_bytes(root)
    python = [root / "envs/python", env_id("version", ROOT / "envs"), root / "scripts/version/fetch.py"]

    def fetch(year: str) -> subprocess.CompletedProcess:
        arguments = ["--pointer", f"data/tiny/{year}.csv.dvc", "--raw", f"made/{year}"]
        return subprocess.run([*python, *arguments], cwd=root, env=environment(), capture_output=True, text=True)

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(fetch, tiny.SPANS))
    assert [run.returncode for run in done] == [0] * 4, done
    assert all((root / f"made/{year}/{year}.csv").exists() for year in tiny.SPANS)


@pytest.mark.feature("D7")
def test_no_compute_job_calls_dvc():
    for path in (ROOT / "rules").glob("*.smk"):
        for body in re.split(r"^(?:rule|checkpoint) ", path.read_text(), flags=re.M)[1:]:
            if "version.yaml" in body:
                assert path.name == "version.smk" and "localrule: True" in body, body
    for path in (ROOT / "scripts").rglob("*.py"):
        uses = re.findall(r"^ *(?:from|import) dvc", path.read_text(), re.M)
        assert not uses or path.parent.name == "version", path
