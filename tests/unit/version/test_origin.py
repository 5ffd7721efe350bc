"""Origins: a table from the wheel that is named, which cannot run code of its own."""

import hashlib
import lzma
import os
import pickle
import subprocess
import zipfile
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.provenance.canonical import json_digest
from scripts.provenance.environment import env_id
from scripts.version.package_origin import check_origin
from tests.workflow import ROOT, environment

FRAME = """
import lzma, pickle, sys, pandas
frame = pandas.DataFrame({
    "n": [1.0, None, 2.5, 7.0],
    "k": [1, 2, 3, 4],
    "date": ["9/30/1996 0:00:00", "1/2/1997 0:00:00", "12/31/1996 0:00:00", "1/3/1997 0:00:00"],
    "text": ["a, b", None, 'say "x"', "é\\nz"],
}, dtype=object).astype({"n": float, "k": int})
frame.columns = frame.columns.astype(object)
table = pickle.dumps(frame, 3)
for now, then in [  # the names that pandas and numpy had when the tables were made
    (b"cpandas\\nDataFrame", b"cpandas.core.frame\\nDataFrame"),
    (b"cpandas\\nIndex", b"cpandas.core.indexes.base\\nIndex"),
    (b"cpandas\\nRangeIndex", b"cpandas.core.indexes.range\\nRangeIndex"),
    (b"cnumpy._core.", b"cnumpy.core."),
]:
    table = table.replace(now, then)
open(sys.argv[1], "wb").write(lzma.compress(table))
"""
SPANS = {"1996.csv": 'n,k,date,text\n1.0,1,9/30/1996 0:00:00,"a, b"\n2.5,3,12/31/1996 0:00:00,"say ""x"""\n'}
SPANS["1997.csv"] = 'n,k,date,text\n,2,1/2/1997 0:00:00,\n7.0,4,1/3/1997 0:00:00,"é\nz"\n'


class Evil:
    """Unpickled, it would make a file."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def run(*words, **more: str) -> subprocess.CompletedProcess:
    """Run Python of the origin's environment; pip sees no registry."""
    command = [ROOT / "envs/python", env_id("origin", ROOT / "envs"), *map(str, words)]
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(command, env=environment(**offline, **more), capture_output=True, text=True)


def wheel(folder: Path, table: bytes, member: str = "made_up/table.pkl.xz") -> str:
    """Write the wheel made_up 1.0 with *table* in it as *member* and return its sha256."""
    path = folder / "made_up-1.0-py3-none-any.whl"
    about = "made_up-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, table)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> bytes:
    """Return a pickled table."""
    path = tmp_path_factory.mktemp("table") / "table.pkl.xz"
    made = run("-c", FRAME, path)
    assert made.returncode == 0, made.stderr
    return path.read_bytes()


def source(sha256: str, **changes: str) -> dict[str, str]:
    """Return the origin as a pointer names it."""
    named = {"package": "made-up==1.0", "sha256": sha256, "member": "made_up/table.pkl.xz", "column": "date"}
    return named | changes


def rebuild(folder: Path, named: dict[str, str]) -> subprocess.CompletedProcess:
    """Run the script with the wheels in *folder*."""
    words = [word for key, value in named.items() for word in (f"--{key}", value)]
    return run(
        ROOT / "scripts/version/origin.py", "--folder", folder / "out" / "files", *words, PIP_FIND_LINKS=str(folder)
    )


def left(folder: Path) -> list[str]:
    """Return what the script left."""
    return sorted(path.name for path in (folder / "out").glob("*") if path.suffix != ".whl")


@pytest.mark.slow
def test_every_year_becomes_a_file(tmp_path, table):
    done = rebuild(tmp_path, source(wheel(tmp_path, table)))
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes().decode() for path in (tmp_path / "out/files").iterdir()} == SPANS
    assert left(tmp_path) == ["files"]


@pytest.mark.slow
def test_fetch_rebuilds_the_origin_once_for_all_spans(tmp_path, table):
    named = source(wheel(tmp_path, table))
    for name in ("envs", "scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, text in SPANS.items():
        data = text.encode()
        lines = ["outs:", f"- md5: '{hashlib.md5(data).hexdigest()}'", f"  size: {len(data)}", f"  path: {name}"]
        lines += ["meta:", "  origin:", *(f"    {key}: '{value}'" for key, value in named.items())]
        (tmp_path / f"{name}.dvc").write_text("\n".join(lines))
    code = (
        "import sys; from pathlib import Path; from scripts.version.fetch import fetch; fetch(*map(Path, sys.argv[1:]))"
    )
    said = ""
    for name in SPANS:
        python = [ROOT / "envs/python", env_id("version", ROOT / "envs"), "-c", code, f"{name}.dvc", f"out/{name}"]
        command = ["sh", "-c", 'exec "$@" 3>&2', "sh", *python]  # the terminal as descriptor 3, like a rule
        env = environment(PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS=str(tmp_path))
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said += done.stderr
    assert {name: (tmp_path / f"out/{name}/{name}").read_bytes().decode() for name in SPANS} == SPANS
    assert said.count("rebuilding . from made-up==1.0") == 2  # in the log and on the terminal, once
    assert (tmp_path / "results/.origin" / json_digest(named)[:16]).is_dir()


@pytest.mark.slow
def test_pickle_that_names_os_system_is_refused_before_it_acts(tmp_path):
    evil = lzma.compress(pickle.dumps(Evil(f"touch {tmp_path}/owned")))
    done = rebuild(tmp_path, source(wheel(tmp_path, evil)))
    assert done.returncode == 2, done.stderr
    assert "error: the package's table names posix.system, which no table needs; it is not loaded" in done.stderr
    assert not (tmp_path / "owned").exists() and left(tmp_path) == []
    pickle.loads(pickle.dumps(Evil(f"touch {tmp_path}/owned")))
    assert (tmp_path / "owned").exists()  # it would have


@pytest.mark.slow
def test_wheel_of_another_hash_is_refused(tmp_path, table):
    wheel(tmp_path, table)
    done = rebuild(tmp_path, source("0" * 64))
    assert done.returncode == 2
    assert f"error: made-up==1.0 (sha256 {'0' * 64}) could not be downloaded" in done.stderr
    assert "DO NOT MATCH THE HASHES" in done.stderr and left(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"package": "made-up @ file:///made_up.tar.gz"}, "expected NAME==VERSION and nothing else"),
        ({"package": "https://example.org/made_up-1.0.tar.gz"}, "expected NAME==VERSION"),
        ({"package": "made-up==1.0\n--extra-index-url https://example.org"}, "expected NAME==VERSION"),
        ({"package": "made-up==1.0 --no-binary :all:"}, "expected NAME==VERSION"),
        ({"package": "-r requirements.txt"}, "expected NAME==VERSION"),
        ({"package": "./made-up==1.0"}, "expected NAME==VERSION"),
        ({"package": "made-up>=1.0"}, "expected NAME==VERSION"),
        ({"package": "made-up==1.0; python_version > '3'"}, "expected NAME==VERSION"),
        ({"sha256": "0" * 64 + " --hash=sha256:" + "1" * 64}, "expected 64 hexadecimal digits"),
        ({"sha256": 0}, "expected 64 hexadecimal digits"),
        ({"member": "made_up/.."}, "expected the path of a file in the wheel"),
        ({"folder": "elsewhere"}, "has 'folder'"),
    ],
)
def test_origin_that_is_not_a_wheel_with_its_hash_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        check_origin(source("0" * 64) | changes)
    assert check_origin(source("0" * 64, package="Made_up.x-y==1!2.0.post1+local.3")) is None


def test_option_of_pip_in_a_package_never_reaches_pip(tmp_path):
    done = rebuild(tmp_path, source("0" * 64, package="made-up==1.0\n--no-binary=:all:"))
    assert done.returncode == 2 and "expected NAME==VERSION and nothing else" in done.stderr
    assert not (tmp_path / "out").exists()


def test_origin_without_its_hash_is_refused():
    with pytest.raises(InputError, match=r"meta\.origin lacks sha256; it takes package, sha256, member"):
        check_origin({"package": "made-up==1.0", "member": "m"})


@pytest.mark.slow
def test_package_or_member_that_is_not_there_is_named(tmp_path, table):
    sha256 = wheel(tmp_path, table)
    done = rebuild(tmp_path, source(sha256, member="made_up/other"))
    assert done.returncode == 2
    assert "error: made-up==1.0 has no member made_up/other" in done.stderr
    done = rebuild(tmp_path, source(sha256, package="made-up==2.0"))
    assert done.returncode == 2 and "error: made-up==2.0" in done.stderr and left(tmp_path) == []


@pytest.mark.slow
@pytest.mark.feature("D2")
def test_member_without_column_is_taken_as_it_is(tmp_path):
    content = b"|1x3 \xff\n1, 2\r\n"
    named = source(wheel(tmp_path, content), member="made_up/table.pkl.xz")
    del named["column"]
    done = rebuild(tmp_path, named)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/files/table.pkl.xz").read_bytes() == content


@pytest.mark.slow
@pytest.mark.feature("D3")
def test_csv_member_is_cut_by_periods(tmp_path):
    text = 'day,note\r\n2013-01-31,"a, b"\r\n2013-07-01,c\r\n2013-02-01,d\r\n'
    sha256 = wheel(tmp_path, text.encode(), "made_up/t.csv")
    done = rebuild(tmp_path, source(sha256, member="made_up/t.csv", column="day", by="half-year"))
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out/files").iterdir()} == {
        "2013H1.csv": b'day,note\n2013-01-31,"a, b"\n2013-02-01,d\n',
        "2013H2.csv": b"day,note\n2013-07-01,c\n",
    }
    (tmp_path / "made_up-1.0-py3-none-any.whl").unlink()
    again = tmp_path / "out/files"
    again.rename(tmp_path / "out/before")
    done = rebuild(tmp_path, source(sha256, member="made_up/t.csv", column="day"))  # from the wheel that was kept
    assert done.returncode == 0 and [path.name for path in again.iterdir()] == ["2013.csv"], done.stderr


def test_unknown_key_of_an_origin_is_named(tmp_path, table):
    done = rebuild(tmp_path, source(wheel(tmp_path, table), url="x"))
    assert done.returncode == 2 and "unknown argument --url; known: folder, package, sha256, member" in done.stderr
