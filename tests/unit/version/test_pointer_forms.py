"""Forms of pointers (files and folders, origins, retention), and the errors in malformed ones."""

from datetime import date

import pytest

from scripts.data.pointer import is_retained, parse_pointer, read_pointer, today

MD5 = "0123456789abcdef0123456789abcdef"
FILE = f"outs:\n- md5: '{MD5}'\n  size: 8\n  hash: md5\n  path: 2001.csv\n"
FOLDER = f"outs:\n- md5: {MD5}.dir\n  size: 8\n  nfiles: 2\n  hash: md5\n  path: '2001'\n"


@pytest.mark.feature("D1")
def test_file_and_folder():
    one = parse_pointer(FILE, "p")
    assert one == {"path": "2001.csv", "md5": MD5, "size": 8, "nfiles": None, "origin": None, "retention": None}
    assert (parse_pointer(FOLDER, "p")["nfiles"], parse_pointer(FOLDER, "p")["md5"]) == (2, f"{MD5}.dir")
    more = parse_pointer(f"{FILE}meta:\n  retention: 2027-03-01\n  origin: {{package: a==1}}\n", "p")
    assert (more["retention"], more["origin"]) == ("2027-03-01", {"package": "a==1"})


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hash: md5", "hash: sha1", "hash is 'sha1', expected md5 (DVC 3)"),
        (MD5, MD5[:-1], f"md5 is '{MD5[:-1]}', expected 32 hexadecimal digits"),
        (f"'{MD5}'", "00000000000000000000000000000001", "md5 is '1', expected 32 hexadecimal digits in quotes"),
        ("path: 2001.csv", "path: ../2001.csv", "path '../2001.csv'"),
        ("path: 2001.csv", "path: a/../../b", "path 'a/../../b'"),
        ("path: 2001.csv", "path: /etc/passwd", "path '/etc/passwd'"),
        ("size: 8", "size: -8", "size -8"),
        ("size: 8", "size: many", "not a DVC pointer (outs with path, md5 and size expected)"),
        ("size: 8", "size: 8\n  nfiles: 2", "nfiles is 2"),
        (f"'{MD5}'", f"{MD5}.dir", "nfiles is None"),
        ("outs:", "outs: [", "not a DVC pointer"),
        ("path: 2001.csv\n", "path: 2001.csv\nmeta:\n  origin: birds\n", "meta.origin is 'birds', expected keys"),
        ("path: 2001.csv\n", "path: 2001.csv\nmeta:\n  retention: soon\n", "meta.retention is 'soon', expected a day"),
        ("path: 2001.csv\n", "path: 2001.csv\n- path: 2002.csv\n", "not a DVC pointer"),
    ],
)
def test_malformed_pointer_is_named(old, new, words):
    with pytest.raises(ValueError) as error:
        parse_pointer(FILE.replace(old, new), "data/x/2001.csv.dvc")
    assert str(error.value).startswith("data/x/2001.csv.dvc: ") and words in str(error.value)


@pytest.mark.feature("I11")
def test_retention_ends_after_its_last_day(tmp_path, monkeypatch):
    path = tmp_path / "2001.csv.dvc"
    path.write_text(FILE)
    assert is_retained(path, date.max)
    path.write_text(f"{FILE}meta:\n  retention: 2026-02-28\n")
    assert read_pointer(path)["retention"] == "2026-02-28"
    assert is_retained(path, date(2026, 2, 28)) and not is_retained(path, date(2026, 3, 1))
    path.write_text(f"{FILE}meta:\n  retention: 2026-02-30\n")
    with pytest.raises(ValueError, match=r"2001\.csv\.dvc: not a DVC pointer: day is out of range"):
        is_retained(path, date(2026, 2, 28))
    monkeypatch.setenv("OUROBOROS_TODAY", "2026-03-01")
    assert today() == date(2026, 3, 1)
    monkeypatch.setenv("OUROBOROS_TODAY", "tomorrow")
    with pytest.raises(ValueError, match="OUROBOROS_TODAY is 'tomorrow'"):
        today()
