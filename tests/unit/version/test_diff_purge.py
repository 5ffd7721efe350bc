"""Rows of raw files in every format: compared by key, and removed without changing the others."""

import bz2
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.errors import InputError
from scripts.version.diff import MAX_LISTED, Version, compare, format_diff
from scripts.version.purge import read_keys, write_without_rows
from scripts.version.raw_rows import read_records

INGEST = {"format": "auto", "separator": ",", "encoding": "utf-8", "quote": '"', "header": True, "skip_lines": 0}
INGEST |= {"comment": "", "trim": False}
CSV = 'id,note\n1,a\n2,"two\nlines"\r\n\n3,"say ""x"""\n4,b,surplus\n5\n'
ROWS = [{"id": "1", "note": "a"}, {"id": "2", "note": "two\nlines"}, {"id": "3", "note": 'say "x"'}]
ROWS += [{"id": "4", "note": "b", "+1": "surplus"}, {"id": "5", "note": ""}]


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file of a version."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def packed(name: str, text: str, encoding: str = "utf-8") -> bytes:
    """Return *text* packed as the ending of *name* says."""
    content = text.encode(encoding)
    if name.endswith(".zst"):
        return pa.Codec("zstd").compress(content, asbytes=True)
    return {".gz": gzip.compress, ".bz2": bz2.compress}.get(Path(name).suffix, bytes)(content)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.bz2", "a.csv.zst", "a.txt"])
def test_csv_as_text_and_as_it_stands(tmp_path, name):
    read = list(read_records(write(tmp_path, name, packed(name, CSV)), INGEST))
    assert "".join(record for record, _ in read) == CSV
    assert [row for _, row in read if row is not None] == ROWS


def test_csv_without_header_in_another_encoding_and_with_a_mark(tmp_path):
    path = write(tmp_path, "a.csv", "1;é\n".encode("latin-1"))
    read = list(read_records(path, INGEST | {"separator": ";", "encoding": "latin-1", "header": ["id", "note"]}))
    assert read == [("1;é\n", {"id": "1", "note": "é"})]
    ((_, none), (_, row)) = read_records(write(tmp_path, "b.csv", b"\xef\xbb\xbfid\n1\n"), INGEST)
    assert none is None and row == {"id": "1"}
    text = "about\n# more\nid;note\n1; 'x; \n#2;y\n"
    form = INGEST | {"separator": ";", "quote": "", "skip_lines": 1, "comment": "#", "trim": True}
    read = list(read_records(write(tmp_path, "c.tsv", text.encode()), form))
    assert "".join(record for record, _ in read) == text
    assert [row for _, row in read if row] == [{"id": "1", "note": "'x", "+1": ""}]


def test_json_lines_and_parquet(tmp_path):
    path = write(tmp_path, "a.jsonl", b'{"id": 1, "note": null}\n\n{"id": "2", "more": [1, {"b": 1}]}\nnothing\n')
    rows = [row for _, row in read_records(path, INGEST) if row is not None]
    assert rows == [{"id": "1", "note": ""}, {"id": "2", "more": '[1, {"b": 1}]'}, {"": "nothing\n"}]
    pq.write_table(pa.table({"id": [1, 2], "note": ["a", None]}), tmp_path / "b.parquet")
    assert [row for _, row in read_records(tmp_path / "b.parquet", INGEST)] == [
        {"id": "1", "note": "a"},
        {"id": "2", "note": ""},
    ]


def differ(tmp_path: Path, old: str, new: str, key: list[str], name: str = "a.csv") -> dict:
    """Return the difference of two versions of one file."""
    both = []
    for word, text in (("old", old), ("new", new)):
        write(tmp_path / word, name, packed(name, text))
        both.append(Version(tmp_path / word, word, INGEST))
    return compare(*both, key)


@pytest.mark.feature("D5")
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_difference_by_key(tmp_path, name):
    old, new = "id,n,w\n1,a,1\n2,b,2\n3,c,3\n", "n,id,w\nc,3,3\nB,2,9\nd,4,4\n"
    found = differ(tmp_path, old, new, ["id"], name)
    assert found["counts"] == {"added": 1, "removed": 1, "changed": 1, "same": 1}
    assert found["added"] == [{"id": "4", "n": "d", "w": "4"}] and found["removed"] == [{"id": "1", "n": "a", "w": "1"}]
    assert found["changed"] == [{"key": {"id": "2"}, "columns": {"n": ["b", "B"], "w": ["2", "9"]}}]
    shown = list(format_diff({"pointer": "p", "old": "1" * 32, "new": "2" * 32} | found))
    assert shown[0] == "p 11111111 -> 22222222: 1 added, 1 removed, 1 changed, 1 same"
    assert shown[3] == "~ id=2  n: 'b' -> 'B'; w: '2' -> '9'"


@pytest.mark.feature("D5")
def test_new_column_is_named_once(tmp_path):
    found = differ(tmp_path, "id,n\n1,a\n2,b\n", "id,n,more\n1,a,x\n2,c,y\n", ["id"])
    assert found["columns"] == {"added": ["more"], "removed": []} and found["counts"]["changed"] == 1


@pytest.mark.feature("D5")
def test_without_key_rows_are_counted(tmp_path):
    found = differ(tmp_path, "n\na\na\nb\n", "n\na\nb\nb\nb\nc\n", [])
    assert found["counts"] == {"added": 3, "removed": 1, "changed": 0, "same": 2}
    assert found["added"] == [{"n": "b"}, {"n": "b"}, {"n": "c"}] and found["removed"] == [{"n": "a"}]
    assert differ(tmp_path, "n\n", "n\na\n", [])["counts"]["added"] == 1


@pytest.mark.feature("D5")
def test_key_that_is_not_unique_or_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"new: rows 1 and 3 have the same version\.key \(a=1, b=x\)"):
        differ(tmp_path, "a,b,n\n1,x,1\n", "a,b,n\n1,x,1\n1,y,2\n1,x,3\n", ["a", "b"])
    with pytest.raises(InputError, match=r"version\.key names column id, which is not in both versions"):
        differ(tmp_path, "a\n1\n", "a\n1\n", ["id"])


@pytest.mark.feature("D5")
def test_many_differences_are_counted_and_the_first_listed(tmp_path):
    new = "id,n\n" + "".join(f"{number},x\n" for number in range(MAX_LISTED + 500))
    found = differ(tmp_path, "id,n\n", new, ["id"])
    assert found["counts"]["added"] == MAX_LISTED + 500 and [row["id"] for row in found["added"]] == list(
        map(str, range(MAX_LISTED))
    )
    assert list(format_diff({"pointer": "p", "old": "1", "new": "2"} | found))[-1] == f"and {MAX_LISTED + 480} more"


@pytest.mark.feature("D6")
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst"])
def test_rows_are_taken_out_of_csv(tmp_path, name):
    write(tmp_path / "raw", name, packed(name, CSV))
    assert write_without_rows(tmp_path / "raw", tmp_path / "new", INGEST, ["id"], {("2",), ("9",)}) == 1
    left = "".join(record for record, _ in read_records(tmp_path / "new" / name, INGEST))
    assert left == CSV.replace('2,"two\nlines"\r\n', "")
    if name == "a.csv":
        assert (tmp_path / "new" / name).read_bytes() == left.encode()


@pytest.mark.feature("D6")
def test_rows_are_taken_out_of_json_lines_parquet_and_folders(tmp_path):
    lines_of_json = [b'{"id": 1, "k": "a"}\n', b'{"k": "b",  "id": 2}\n', b'{"k": "c"}\n']
    write(tmp_path / "raw/sub", "a.jsonl", b"".join(lines_of_json))
    table = pa.table({"id": [1, 2, 3], "k": ["a", "b", None]})
    pq.write_table(table, tmp_path / "raw/b.parquet", row_group_size=2)
    write(tmp_path / "raw", "c.csv", b"id,k\n7,x\n")
    assert write_without_rows(tmp_path / "raw", tmp_path / "new", INGEST, ["id"], {("2",)}) == 2
    assert (tmp_path / "new/sub/a.jsonl").read_bytes() == lines_of_json[0] + lines_of_json[2]
    assert pq.read_table(tmp_path / "new/b.parquet").equals(table.filter([True, False, True]))
    assert (tmp_path / "new/c.csv").read_bytes() == b"id,k\n7,x\n"


def test_keys_are_read_by_header(tmp_path):
    path = write(tmp_path, "rows.csv", b"id,day\n1,2001-01-01\n")
    assert read_keys(path, ["day", "id"]) == {("2001-01-01", "1")}
    with pytest.raises(InputError, match=r"a header with the columns id, other \(version\.key\)"):
        read_keys(path, ["id", "other"])
    with pytest.raises(InputError, match=r"version\.key names no columns"):
        read_keys(path, [])
    with pytest.raises(InputError, match="No such file"):
        read_keys(tmp_path / "none.csv", ["id"])
    with pytest.raises(InputError, match=r"a\.csv, record 2 lacks a column of version\.key \(day\)"):
        write(tmp_path / "raw", "a.csv", CSV.encode())
        write_without_rows(tmp_path / "raw", tmp_path / "new", INGEST, ["day"], {("1",)})
