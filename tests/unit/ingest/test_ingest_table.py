"""Raw CSV to a typed table: every row is kept or quarantined with the line that an editor shows."""

import codecs
import json
import random

import pytest

from scripts.errors import InputError
from scripts.ingest import reader

SMALL = 64  # bytes of a block


def test_rows_come_typed_in_their_order(ingest):
    made = ingest("a,b,c\n2,x,\n1,y,z\n,ä€日,nan\n")
    assert made.rows == [(2.0, "x", None), (1.0, "y", "z"), (None, "ä€日", "nan")]
    assert made.aside == []


def test_order_of_the_columns_is_that_of_the_configuration(ingest):
    made = ingest("c,a,b\nz,1,y\n")
    assert made.names == ["a", "b", "c"] and made.rows == [(1.0, "y", "z")]


@pytest.mark.parametrize("separator", [";", "\t", "|", " "])
def test_separators(ingest, separator):
    text = 'a,b,c\n1,2,\n3,"x,y",z\n'.replace(",", separator)
    assert ingest(text, separator=separator).rows == [(1.0, "2", None), (3.0, f"x{separator}y", "z")]


def test_other_separator_than_said_is_refused_by_the_header(ingest):
    with pytest.raises(InputError, match="line 1 has 1 columns, lacks a, b, c, has a;b;c in addition; ingest"):
        ingest("a;b;c\n1;2;3\n")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_line_ends(ingest, end, last):
    made = ingest(end.join(["a,b,c", "1,x,y", "z,x,y", "2,x,"]) + (end if last else ""))
    assert made.rows == [(1.0, "x", "y"), (2.0, "x", None)]
    assert made.aside == [(3, "a")]


def test_nulls_are_those_configured_quoted_or_not(ingest):
    made = ingest('a,b,c\nNA,NA,"NA"\n-,-,na\n1,,""\n', null_values=["NA", "-"])
    assert made.rows == [(None, None, None), (None, None, "na"), (1.0, "", "")]


def test_quotes(ingest):
    made = ingest('a,b,c\n1,"say ""no""","x, y"\n"2",plain "quotes" inside,\n')
    assert made.rows == [(1.0, 'say "no"', "x, y"), (2.0, 'plain "quotes" inside', None)]


def test_line_of_a_row_counts_line_breaks_in_fields(ingest):
    made = ingest('a,b,c\n1,"two\nlines",y\nx,y,z\n2,"three\n\nlines",y\nz,"a\nb",y\n3\n')
    assert made.rows == [(1.0, "two\nlines", "y"), (2.0, "three\n\nlines", "y")]
    assert made.aside == [(4, "a"), (8, "a"), (10, "")]
    assert made.reasons == ["'x' is not a number", "'z' is not a number", "1 fields, expected 3"]


def test_line_of_a_row_between_short_and_long_rows_and_blank_lines(ingest):
    made = ingest("a,b,c\n1\nx,2,3\n\n1,2\n1,2,3\n1,2,3,4\ny,2,3\n\n\nz,2,3\n5\n")
    assert made.rows == [(1.0, "2", "3")]
    assert made.aside == [(2, ""), (3, "a"), (5, ""), (7, ""), (8, "a"), (11, "a"), (12, "")]


def test_share_of_rows_set_aside(ingest):
    text = "a,b,c\n" + "1,2,3\n" * 9 + "x,2,3\n"
    assert ingest(text, max_quarantined=0.1).aside == [(11, "a")]
    with pytest.raises(
        InputError, match=r"2001: 1 of 10 rows cannot be read, more than ingest.max_quarantined \(0.09\)"
    ):
        ingest(text, max_quarantined=0.09)
    with pytest.raises(InputError, match=r"first: 2001\.csv, line 11, column a: 'x' is not a number"):
        ingest(text, max_quarantined=0)
    with pytest.raises(InputError, match=r"first: 2001\.csv, line 2, column -: 1 fields, expected 3"):
        ingest("a,b,c\n1\n", max_quarantined=0)


@pytest.mark.parametrize("name", ["2001.csv", "x.jsonl"])
@pytest.mark.parametrize("shards", [0, 2])
def test_all_unreadable_columns_are_named_and_the_rows_are_kept(ingest, tmp_path, name, shards):
    text = "a,d,c\nx,no,1\ny,2001-01-01,2\n1,never,z\n1,2001-01-01,3\n"
    if name == "x.jsonl":
        rows = [
            '{"a": "x", "d": "no", "c": 1}',
            '{"a": "y", "c": 2}',
            '{"a": 1, "d": "never", "c": "z"}',
            '{"a": 1, "c": 3}',
        ]
        text = "\n".join(rows)
    kinds = {"a": "number", "d": "date", "c": "integer"}
    message = r"3 of 4 rows .* by column: a \(2\), d \(2\), c \(1\); first: .* all are in "
    with pytest.raises(InputError, match=message) as error:
        ingest(text, kinds, name=name, max_quarantined=0.5, shards=shards)
    (kept,) = tmp_path.glob("out*/2001/rejected.jsonl")
    assert str(error.value).endswith(str(kept))
    assert [json.loads(line)["column"] for line in kept.read_text().splitlines()][:2] == ["a", "a"]


@pytest.mark.parametrize("text", ["", "\n"])
def test_empty_file_is_refused(ingest, text):
    with pytest.raises(
        InputError,
        match=r"2001\.csv is empty.*rows of the columns|2001\.csv is empty; a header line naming a, b, c was expected",
    ):
        ingest(text)


def test_header_alone_is_a_table_without_rows(ingest):
    made = ingest("a,b,c\n", max_quarantined=0)
    assert made.rows == made.aside == [] and made.names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("a,b", "line 1 has 2 columns, lacks c;"),
        ("a,b,c,d", "line 1 has 4 columns, has d in addition;"),
        ("a,b,C", "line 1 has 3 columns, lacks c, has C in addition;"),
        ("a,b,c,c", "line 1 has 4 columns, has duplicates (c);"),
        ("1,2,3", "lacks a, b, c, has 1, 2, 3 in addition"),
    ],
)
def test_wrong_header_is_refused(ingest, header, text):
    with pytest.raises(InputError) as error:
        ingest(f"{header}\n1,2,3\n")
    assert text in str(error.value) and "ingest.columns says a, b, c: correct one of them" in str(error.value)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings(ingest, encoding):
    made = ingest("a,b,c\n1,é,ü\nx,ß,\n".encode(encoding), encoding=encoding)
    assert made.rows == [(1.0, "é", "ü")] and made.aside == [(3, "a")]


@pytest.mark.parametrize("encoding", ["utf-8", "nonsense"])
def test_wrong_encoding_is_refused(ingest, encoding):
    with pytest.raises(InputError, match=r"cannot be read as .*see ingest.encoding"):
        ingest("a,b,c\n1,é,ü\n".encode("latin-1"), encoding=encoding)
    with pytest.raises(
        InputError, match=r"cannot be read as nonsense|line 10002: byte 3 \(0xe9\) cannot be read as utf-8"
    ):
        ingest(b"a,b,c\n" + b"1,2,3\n" * 10_000 + "1,é,3\n".encode("latin-1"), encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("header", ["a,b,c", '"a",b,c'])
def test_byte_order_mark_is_no_part_of_the_header(ingest, encoding, header):
    made = ingest(codecs.BOM_UTF8 + f"{header}\n1,x,y\nz,x,y\n".encode(), encoding=encoding)
    assert made.names == ["a", "b", "c"]
    assert made.rows == [(1.0, "x", "y")] and made.aside == [(3, "a")]


@pytest.mark.slow
def test_small_blocks_give_the_same_rows_and_lines(ingest, monkeypatch):
    rng = random.Random(3)
    kinds = ['{0},"two\nlines",s', "{0},t{0},", "x{0},t,u", 'x{0},"q\nr",', "{0},t,u", "1,2", "1,2,3,4", ""]
    for _ in range(40):
        chosen = [rng.choice(kinds).format(number) for number in range(rng.randint(1, 30))]
        # a good row after each bad one: see test_block_of_rows_set_aside
        text = "\n".join(["a,b,c", *(f"{row}\n7,g,h" for row in chosen)]) + "\n"
        monkeypatch.setattr(reader, "BLOCK_BYTES", 8 << 20)
        whole = ingest(text)
        monkeypatch.setattr(reader, "BLOCK_BYTES", SMALL)
        parts = ingest(text)
        assert (parts.rows, parts.aside, parts.reasons) == (whole.rows, whole.aside, whole.reasons), text


def test_same_file_same_bytes(ingest, monkeypatch):
    text = "a,b,c\n" + "".join(f"{number},t{number % 7},\n" for number in range(500))
    assert ingest(text).content == ingest(text).content
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1000)
    assert ingest(text).content == ingest(text).content


def test_row_longer_than_a_block_is_read_up_to_a_limit(ingest, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", SMALL)
    text = "a,b,c\n1,2,3\n1," + "x" * 5000 + ",3\n"
    assert ingest(text).rows == [(1.0, "2", "3"), (1.0, "x" * 5000, "3")]
    monkeypatch.setattr(reader, "MAX_RECORD", 1000)
    with pytest.raises(InputError, match=r"2001\.csv, line 3: a record of more than"):
        ingest(text)


def test_block_of_rows_set_aside(ingest, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 20)
    assert ingest("a,b,c\n1,2,3\n1,2,3\n" + "1,2\n" * 20).rows == [(1.0, "2", "3")] * 2


def test_quoted_line_break_at_a_block_boundary(ingest, monkeypatch):
    text = "a,b,c\r\n" + "".join(f'{number},"q\r\nr",s\r\n' for number in range(8))
    monkeypatch.setattr(reader, "BLOCK_BYTES", 24)
    assert {row[1] for row in ingest(text).rows} == {"q\r\nr"}


def test_long_field_and_a_row_set_aside(ingest):
    assert ingest("a,b,c\n1," + "x" * 200_000 + ",y\nz,y,\n").aside == [(3, "a")]


def test_wrong_byte_far_down_in_another_encoding(ingest):
    with pytest.raises(InputError):
        ingest("a,b,c\n" + "1,2,3\n" * 10_000 + "1,é,3\n", encoding="ascii")
