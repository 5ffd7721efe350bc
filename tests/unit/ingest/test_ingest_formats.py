"""A table in any format, compression, encoding and block size gives the same bytes; damaged files are refused."""

import bz2
import csv
import datetime
import gzip
import io
import json
import math

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings

from scripts.errors import InputError
from scripts.ingest import reader
from scripts.ingest.csv_format import CsvFormat
from scripts.ingest.jsonl_format import JsonLinesFormat
from tests.unit.ingest.conftest import options

TYPES = {"n": "number", "i": "integer", "b": "boolean", "t": "text", "d": "date", "m": "time"}
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=400, deadline=None)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
values = st.fixed_dictionaries(
    {
        "n": st.none() | st.floats(-3e38, 3e38) | st.integers(-9, 9).map(float),
        "i": st.none() | st.integers(-(2**63), 2**63 - 1),
        "b": st.none() | st.booleans(),
        "t": st.none() | texts,
        "d": st.none() | st.dates(),
        "m": st.none() | st.datetimes(),
    }
)


def as_csv(rows: list[dict], **more) -> bytes:
    """Return rows as CSV."""
    file = io.StringIO(newline="")
    returns = any("\r" in (row["t"] or "") for row in rows)  # which Python's writer quotes only if asked to
    writer = csv.writer(file, lineterminator="\n", **{"quoting": csv.QUOTE_ALL} if returns else {}, **more)
    writer.writerow(TYPES)
    for row in rows:
        words = {name: repr(value) if name == "n" else value for name, value in row.items() if value is not None}
        writer.writerow([str(words[name]) if name in words else "" for name in TYPES])
    return file.getvalue().encode()


def as_lines(rows: list[dict]) -> bytes:
    """Return rows as JSON lines."""
    plain = [{name: value if name in "nibt" else value and str(value) for name, value in row.items()} for row in rows]
    return "".join(json.dumps(row) + "\n" for row in plain).encode()


def as_parquet(rows: list[dict], **more) -> bytes:
    """Return rows as Parquet."""
    file = io.BytesIO()
    kinds = [pa.float64(), pa.int64(), pa.bool_(), pa.string(), pa.date32(), pa.timestamp("us")]
    schema = pa.schema(list(zip(TYPES, kinds, strict=True)))
    pq.write_table(pa.Table.from_pylist(rows, schema), file, **more)
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.feature("I1", "I7")
@FEW
@given(st.lists(values, max_size=20))
def test_one_table_in_three_formats_gives_the_same_bytes_and_every_value(ingest, rows):
    made = [
        ingest(as_csv(rows), TYPES),
        ingest(as_lines(rows) or b"\n", TYPES, name="x.jsonl"),
        ingest(as_parquet(rows), TYPES, name="x.parquet"),
        ingest(as_parquet(rows, row_group_size=3), TYPES, name="x.parquet", group=1 << 17),
    ]
    for one in made:
        assert one.table.to_pylist() == rows and not one.entries
        assert one.content == made[0].content


@pytest.mark.feature("I1")
def test_compressed_files_give_the_same_bytes(ingest):
    rows = [{"n": k / 7, "i": k, "b": k % 2 == 0, "t": f"ä{k}", "d": None, "m": None} for k in range(3000)]
    for text, name in ((as_csv(rows), "x.csv"), (as_lines(rows), "x.ndjson")):
        plain = ingest(text, TYPES, name=name).content
        middle = len(text) // 3
        assert (
            ingest(gzip.compress(text[:middle]) + gzip.compress(text[middle:]), TYPES, name=f"{name}.gz").content
            == plain
        )
        assert ingest(bz2.compress(text), TYPES, name=f"{name}.bz2").content == plain
        assert ingest(pa.compress(text, "zstd", asbytes=True), TYPES, name=f"{name}.zst").content == plain


@pytest.mark.slow
@pytest.mark.feature("I1")
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_encodings_give_the_same_bytes(ingest, encoding):
    rows = [{"n": k / 7, "i": k, "b": None, "t": f"ü\n{k}", "d": None, "m": None} for k in range(3000)]
    text = as_csv(rows)
    assert ingest(str(text, "utf-8").encode(encoding), TYPES, encoding=encoding).content == ingest(text, TYPES).content
    assert (
        ingest(str(text, "utf-8").encode("utf-16"), TYPES, encoding="utf-16", shards=3, part=700).content
        == ingest(text, TYPES, part=700).content
    )


@pytest.mark.feature("I1")
def test_format_is_that_of_the_name_or_the_configuration(ingest):
    row = [{"n": 1.0, "i": 1, "b": True, "t": "x", "d": None, "m": None}]
    for name in ("x.csv", "x.tsv", "x.txt", "x.data", "x.test", "noending", "x.csv.gz"):
        text = gzip.compress(as_csv(row)) if name.endswith("gz") else as_csv(row)
        assert ingest(text, TYPES, name=name).table.to_pylist() == row
    assert ingest(as_lines(row), TYPES, name="x.json").table.to_pylist() == row
    assert ingest(as_lines(row), TYPES, name="x.log", format="jsonl").table.to_pylist() == row
    assert ingest(as_parquet(row), TYPES, name="x.csv", format="parquet").table.to_pylist() == row


@pytest.mark.slow
@pytest.mark.feature("I1", "I4")
def test_folder_of_many_files_in_the_order_of_their_names(ingest):
    files = {f"day/{k:04}.csv": f"a,b,c\n{k},x,\n" for k in range(300)}
    files["day/0300.csv"] = "c,b,a\n,x,300\n"
    made = ingest({**files, ".hidden": "no"}, part=64)
    assert [row[0] for row in made.rows] == list(range(301)) and made.counts["read"] == 301
    assert ingest("a,b,c\n" + "".join(f"{k},x,\n" for k in range(301)), part=64).content == made.content
    assert ingest({**files, "day/0007.csv": "a,b,c\n7,x,\nz,x,\n"}).entries[0] == {
        "file": "day/0007.csv",
        "line": 3,
        "column": "a",
        "reason": "'z' is not a number",
    }


WORDS = """1 -2.5 +3 1e400 nan inf 0x10 -0 00 5. .5 1e5 x true T no 2020-02-29 2020-02-30 2020-02-29T10 0000-01-01
2020-02-29T10:00:00Z "q" a"b "a""b" "a,b" "open " "" "a"b" NA "NA" é 9223372036854775808 99999999999999999999"""
fields = st.sampled_from([*WORDS.split(), "", " 7", "7\t", "2020-02-29 10:00", '"a\nb"', '"a\r\nb"'])
documents = st.lists(st.lists(fields, min_size=1, max_size=7), max_size=12)


@pytest.mark.slow
@pytest.mark.feature("I1", "I9")
@MANY
@given(documents, st.sampled_from(["\n", "\r\n"]), st.booleans())
@example([["1", "1", "T", '"a\nb"', "", ""]] * 3, "\n", True)
def test_both_ways_of_reading_csv_agree(rows, end, quotes):
    names = list(TYPES)
    section = options(TYPES, null_values=["", "NA"], quote='"' if quotes else "")
    form = CsvFormat(TYPES, section)
    padded = [(row + ["1", "1", "1", "x", "", ""][len(row) :]) if len(row) > 2 else row for row in rows]
    raw = "".join(",".join(row) + end for row in padded).encode()
    if not raw or len(form.record_ends(raw)) == 0 or form.record_ends(raw)[-1] + 1 != len(raw):
        return  # a quote is not closed
    quick, slow = form.parse_block(raw, names, True, True), form.parse_exact(raw, names)
    assert quick.errors == slow.errors and quick.records == slow.records == len(form.record_starts(raw))
    assert same(slow.rows, quick.rows)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two tables have the same values, signs of zero among them."""
    signs = [[math.copysign(1, value or 0) for value in table["n"].to_pylist()] for table in (one, other)]
    return one.equals(other) and signs[0] == signs[1]


@pytest.mark.slow
@pytest.mark.feature("I1", "I9")
@MANY
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                name: st.sampled_from(
                    [
                        "1",
                        "-0",
                        "1.0",
                        "1e3",
                        "1e400",
                        "NaN",
                        "true",
                        "null",
                        '"x"',
                        '""',
                        '"2020-02-29"',
                        "[1]",
                        "{}",
                        '"\\ud800"',
                        "99999999999999999999",
                    ]
                )
                for name in [*TYPES, "other"]
            },
        ),
        max_size=6,
    )
)
def test_both_ways_of_reading_json_lines_agree(rows):
    form = JsonLinesFormat(TYPES, options(TYPES, others="drop"))
    raw = "".join("{" + ", ".join(f'"{name}": {value}' for name, value in row.items()) + "}\n" for row in rows).encode()
    quick, slow = form.parse_block(raw, list(TYPES), True, True), form.parse_exact(raw)
    assert quick.errors == slow.errors and quick.records == slow.records == len(form.record_starts(raw))
    assert same(quick.rows, slow.rows)


@pytest.mark.slow
@pytest.mark.feature("I1", "I9")
@FEW
@given(documents, st.integers(1, 6), st.integers(8, 200))
def test_block_size_and_cuts_change_nothing(ingest, rows, shards, size):
    text = "a,b,c\n" + "".join(",".join([*row[:2], "z"]) + "\n" for row in rows)
    if text.count('"') % 2:
        text = text.replace('"', "'")
    try:
        expected = ingest(text, part=4, group=2)
    except InputError as error:
        assert "never closed" in str(error)
        return
    before, reader.BLOCK_BYTES = reader.BLOCK_BYTES, size
    try:
        assert ingest(text, part=4, group=2).content == expected.content
        made = ingest(text, part=4, group=2, shards=shards)
        assert made.content == expected.content and made.counts == expected.counts
    finally:
        reader.BLOCK_BYTES = before


@pytest.mark.feature("I9")
def test_quarantine_of_json_lines(ingest):
    lines = [
        '{"a": 1, "b": "x", "c": "y"}',
        "[1]",
        '{"a": "1"}',
        "",
        "nonsense",
        '{"a": 2}',
        '{"a": 1, "a": 2}',
        '{"b": 5}',
    ]
    made = ingest("\n".join(lines), name="x.jsonl")
    assert made.rows == [(1.0, "x", "y"), (2.0, None, None)]
    assert made.aside == [(2, ""), (3, "a"), (5, ""), (7, ""), (8, "b")]
    assert made.reasons[0] == "not a JSON object" and made.reasons[1] == "'1' is not a number"
    assert made.reasons[2].startswith("not JSON: ") and made.reasons[4] == "'5' is not a text"
    with pytest.raises(InputError, match=r"x\.jsonl, line 2: a field 'z' that ingest.columns does not name"):
        ingest('{"a": 1}\n{"z": 1}\n', name="x.jsonl")
    assert ingest('{"a": 1, "z": {"y": 1}}\n', name="x.jsonl", others="drop").rows == [(1.0, None, None)]
    with pytest.raises(InputError, match=r"first: x\.jsonl, line 2, column -: not JSON"):
        ingest('{"a": 1}\n{"a": 1},\n]', name="x.jsonl", max_quarantined=0.5)


@pytest.mark.parametrize("head", ["[", "\ufeff\n [", "[\n"])
def test_json_array_is_explained(ingest, head):
    with pytest.raises(InputError, match=r"x\.json is a JSON array; JSON lines were expected.* jq -c '\.\[\]' x\.json"):
        ingest(f'{head}{{"a": 1}},\n{{"a": 2}}]\n', name="x.json")


@pytest.mark.parametrize("line", ["", '0,"1",x,y\n'])
def test_column_without_a_name_is_explained_or_dropped(ingest, line):
    with pytest.raises(InputError, match=r"2001\.csv: line 1: column 1 has no name, like an index that pandas wrote"):
        ingest(f",a,b,c\n{line}")
    assert ingest(f",a,b,c\n{line}", others="drop").rows == ([(1.0, "x", "y")] if line else [])
    assert ingest(",a,,b,c\n0,1,2,x,y\n", others="drop").rows == [(1.0, "x", "y")]


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_one_bad_value_of_parquet_sets_one_row_aside(ingest, shards):
    count, day = 200, datetime.date(2001, 1, 1)
    seconds = [978_307_200 + row for row in range(count)]
    columns = {
        "at": pa.array([10**9 * second for second in seconds[:-1]] + [seconds[-1] * 10**9 + 1], pa.timestamp("ns")),
        "day": pa.array([*seconds[:50], 10**15, *seconds[51:]], pa.timestamp("s")),
        "whole": pa.array([*map(float, range(60)), 0.5, *[1e17] * 139]),
        "big": pa.array([2**60, *[2**53 + 1] * 9, *range(10, count)]),
        "n": pa.array([*[float("nan")] * 70, *[1.5] * 130]),
    }
    kinds = {"at": "time", "day": "date", "whole": "integer", "big": "number", "n": "number"}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    made = ingest(file.getvalue(), kinds, name="x.parquet", shards=shards, part=64, group=32, null_values=["nan"])
    bad = {2, 3, 4, 5, 6, 7, 8, 9, 10, 51, 61, 200}
    assert {line for line, _ in made.aside} == bad and len(made.rows) == count - len(bad)
    assert made.rows[0] == (datetime.datetime(2001, 1, 1), day, 0, 2.0**60, None)
    assert made.rows[-1][2:] == (10**17, 198.0, 1.5)
    assert (
        "'9007199254740993' is not a number that a double holds; a column of identifiers is of type" in made.reasons[0]
    )


def test_zones_mean_the_same_in_all_formats(ingest):
    kinds = {"at": "time", "day": "date:%Y-%m-%dT%H:%M:%S%z"}
    text, moment = "2001-03-01T23:30:00-05:00", datetime.datetime(2001, 3, 2, 4, 30)
    file, parquet_kinds = io.BytesIO(), {"at": "time", "day": "date"}
    zoned = pa.array([moment], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "America/New_York"))
    pq.write_table(pa.table({"at": zoned, "day": zoned}), file)
    for zone, local in (
        ("UTC", moment),
        ("America/New_York", datetime.datetime(2001, 3, 1, 23, 30)),
        ("Asia/Tokyo", datetime.datetime(2001, 3, 2, 13, 30)),
    ):
        expected = [(local, local.date())]
        assert ingest(f"at,day\n{text},{text}\n", kinds, timezone=zone).rows == expected
        assert ingest(f'{{"at": "{text}", "day": "{text}"}}\n', kinds, name="x.jsonl", timezone=zone).rows == expected
        assert ingest(file.getvalue(), parquet_kinds, name="x.parquet", timezone=zone).rows == expected


def test_texts_are_trimmed_in_all_formats(ingest):
    kinds, rows = {"t": "text", "u": "text"}, [("a b", None), (None, "c")]
    more = {"trim": True, "null_values": ["", "NA"]}
    assert ingest("t,u\n  a b ,NA \n ,c\n", kinds, **more).rows == rows
    lines = '{"t": "  a b ", "u": "NA "}\n{"t": " ", "u": "c"}\n'
    assert ingest(lines, kinds, name="x.jsonl", **more).rows == rows
    assert ingest(lines + '{"t": "\\ud800"}\n', kinds, name="x.jsonl", **more).rows == rows
    file = io.BytesIO()
    pq.write_table(pa.table({"t": ["  a b ", " "], "u": ["NA ", "c"]}), file)
    assert ingest(file.getvalue(), kinds, name="x.parquet", **more).rows == rows


@pytest.mark.slow
@pytest.mark.feature("I1", "I9")
def test_types_of_parquet_are_converted_by_the_same_rules(ingest):
    def made(array, kind, **more):
        file = io.BytesIO()
        pq.write_table(pa.table({"x": array}), file)
        found = ingest(file.getvalue(), {"x": kind}, name="x.parquet", **more)
        return [row[0] for row in found.rows], found.aside

    nan = float("nan")
    assert made(pa.array([1, None, 3], pa.int16()), "number") == ([1.0, None, 3.0], [])
    assert made(pa.array([0.1], pa.float32()), "number") == ([pa.scalar(0.1, pa.float32()).as_py()], [])
    assert made(pa.array([1.5, nan, 1e39]), "number") == ([1.5], [(2, "x"), (3, "x")])
    assert made(pa.array([1.5, nan]), "number", null_values=["nan"]) == ([1.5, None], [])
    assert made(pa.array([1.0, 2.5]), "integer") == ([1], [(2, "x")])
    assert made(pa.array([1, 2**64 - 1], pa.uint64()), "integer") == ([1], [(2, "x")])
    assert made(pa.array(["1.10", None]).cast(pa.decimal128(9, 2)), "number") == ([1.1, None], [])
    assert made(pa.array(["a", "", "a"]).dictionary_encode(), "text") == (["a", None, "a"], [])
    assert made(pa.array(["7", "x"], pa.large_string()), "number") == ([7.0], [(2, "x")])
    assert made(pa.array([7, None]), "text") == (["7", None], [])
    assert made(pa.array([1, 0, 2]), "boolean") == ([True, False], [(3, "x")])
    moment = datetime.datetime(1960, 2, 29, 23, 59, 59)
    assert made(pa.array([moment], pa.timestamp("ms")), "time") == ([moment], [])
    assert made(pa.array([moment], pa.timestamp("ns")), "date") == ([moment.date()], [])
    assert made(pa.array([1001], pa.timestamp("ns")), "time") == ([], [(1, "x")])
    assert made(pa.array([moment.date()], pa.date64()), "date") == ([moment.date()], [])
    east = pa.array([moment], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Asia/Tokyo"))
    assert made(east, "time") == ([moment], [])
    for array, kind in ((pa.array([[1]]), "number"), (pa.array([1.5]), "text"), (pa.array([True]), "number")):
        with pytest.raises(InputError, match=r"x.parquet: column x is of type .*, ingest.columns says"):
            made(array, kind)


@pytest.mark.feature("I9")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv.gz", gzip.compress(b"a,b,c\n" + b"1,2,3\n" * 9999)[:-20], "x.csv.gz is damaged or truncated"),
        ("x.csv.gz", b"a,b,c\n1,2,3\n", "x.csv.gz is damaged or truncated: Not a gzipped file"),
        ("x.csv.bz2", bz2.compress(b"a,b,c\n" + b"1,2,3\n" * 9999)[:-20], "x.csv.bz2 is damaged or truncated"),
        (
            "x.csv.zst",
            pa.compress(b"a,b,c\n" + b"1,2,3\n" * 9999, "zstd", asbytes=True)[:-9],
            "x.csv.zst is damaged or truncated",
        ),
        ("x.parquet", b"a,b,c\n1,2,3\n", "x.parquet is not a Parquet file, or is truncated"),
        ("x.parquet", as_parquet([])[:-9], "x.parquet is not a Parquet file, or is truncated"),
        ("x.csv", b"", r"x.csv is empty \(0 bytes\)"),
        ("x.jsonl", b"", r"x.jsonl is empty \(0 bytes\)"),
        ("x.csv", b"\0" * 5000, "x.csv, line 1: a NUL byte"),
        ("x.csv", b"a,b,c\n1,2,3\n1,\0,3\n", "x.csv, line 3: a NUL byte"),
        ("x.csv", "a,b,c\n1,2,3\n".encode("utf-16"), r"x.csv, line 1: a NUL byte .* for UTF-16 set"),
        ("x.csv", b"a,b,c\n1,x,y\n1,ab\xe4,y\n", r"x.csv, line 3: byte 5 \(0xe4\) cannot be read as utf-8"),
        ("x.jsonl", b'{"a": 1}\n{"b": "\xe4"}\n', "x.jsonl, line 2: byte 8"),
        ("x.csv", b'a,b,c\n1,2,3\n1,"open,3\n1,2,3\n', "x.csv, line 3: a quoted field is never closed"),
        ("x.csv", b"a,b,a\n", r"has duplicates \(a\)"),
        ("x.parquet", as_parquet([]), "x.parquet has 6 columns, lacks a, c, has n, i, t, d, m in addition"),
    ],
)
def test_what_cannot_be_used_is_named(ingest, name, content, message):
    with pytest.raises(InputError, match=message):
        ingest(content, name=name)


def test_options_of_csv(ingest):
    adult = "|1x3 Cross validator\n25, Private, <=50K.\n?, ?, >50K.\n\n"
    made = ingest(
        adult,
        {"a": "integer", "b": "text", "c": "text"},
        header=["a", "b", "c"],
        comment="|",
        trim=True,
        null_values=["?"],
    )
    assert made.rows == [(25, "Private", "<=50K."), (None, None, ">50K.")]
    sms = 'a\tb\n1\tsay "hi\n2\t"no end\n3\t"q"\n'
    made = ingest(sms, {"a": "integer", "b": "text"}, separator="\t", quote="")
    assert made.rows == [(1, 'say "hi'), (2, '"no end'), (3, '"q"')]
    semicolons = "x;y\n1.5;1,5\n1,5;2\n2;-,5\n"
    made = ingest(semicolons, {"x": "number", "y": "text"}, separator=";")
    assert made.rows == [(1.5, "1,5"), (2.0, "-,5")] and made.aside == [(3, "x")]
    assert ingest("# by hand\nunits\n\n# no\na,b,c\n1,2,3\n# end\nx,2,3\n", comment="#", skip_lines=2).aside == [
        (8, "a")
    ]
    assert ingest("a,b,z,c\n1,2,ä,3\n", others="drop").rows == [(1.0, "2", "3")]
    assert ingest('a,c,b\r1,"x\ry",z\r\rw,2,3\r').aside == [(5, "a")]


@pytest.mark.slow
def test_stray_quotes_do_not_move_records(ingest, monkeypatch):
    lines = [f'{k},5" by {k}",{"x" * (k % 9)}' for k in range(200)]
    lines[50] = '50,"two\nlines","three\n\nlines"'
    lines[120] = '120,"closed"then open","end"'
    text = "a,b,c\n" + "\n".join(lines) + "\nx,y,z\n"
    whole = ingest(text)
    assert len(whole.rows) == 200 and whole.rows[50][2] == "three\n\nlines" and whole.rows[120][1] == 'closedthen open"'
    assert whole.aside == [(205, "a")]
    for size in (64, 100, 333):
        monkeypatch.setattr(reader, "BLOCK_BYTES", size)
        assert ingest(text).content == whole.content
        assert ingest(text, shards=3, part=16).content == ingest(text, part=16).content


def test_of_a_column_named_twice_the_first_counts_where_others_are_dropped(ingest):
    assert ingest("a,b,a,c,z\n1,2,9,3,4\n", others="drop").rows == [(1.0, "2", "3")]
    with pytest.raises(InputError, match="has duplicates"):
        ingest("a,b,a,c\n1,2,9,3\n")
