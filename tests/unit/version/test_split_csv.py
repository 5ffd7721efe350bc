"""Large CSV files split into spans by a date column."""

import subprocess

import pytest

from scripts.errors import InputError
from scripts.provenance.environment import env_id
from scripts.version.split_csv import period, read_csv_rows, split_by_period
from tests.workflow import ROOT, environment


@pytest.mark.parametrize(
    ("text", "by", "span"),
    [
        ("9/30/1996 0:00:00", "year", "1996"),
        ("2013-08-14", "half-year", "2013H2"),
        ("2013-06-30T23:59", "half-year", "2013H1"),
        ("2013-10-01", "quarter", "2013Q4"),
        ("3/9/2013", "quarter", "2013Q1"),
        (" 2013-1-2", "month", "2013-01"),
    ],
)
def test_period_of_a_date(text, by, span):
    assert period(text, by) == span


@pytest.mark.parametrize("text", ["", "1996", "30/9/1996", "2013-13-01", "NaN", "2013-01-123"])
def test_what_is_no_date(text):
    with pytest.raises(ValueError, match="is no date like"):
        period(text, "year")


@pytest.mark.feature("D3")
def test_rows_keep_their_order_and_the_header_is_repeated(tmp_path):
    text = 'day,note\r\n2013-07-01,"a, b"\r\n2013-01-02,"x\ny"\n\n2013-08-01,c\n'
    made = split_by_period(read_csv_rows(text.splitlines(keepends=True)), "day", "half-year", tmp_path)
    assert [path.name for path in made] == ["2013H1.csv", "2013H2.csv"]
    assert made[0].read_bytes() == b'day,note\n2013-01-02,"x\ny"\n'
    assert made[1].read_bytes() == b'day,note\n2013-07-01,"a, b"\n2013-08-01,c\n'
    with pytest.raises(InputError, match=r"2013H2\.csv is there already"):
        split_by_period(read_csv_rows(["day\n", "2013-07-01\n"]), "day", "half-year", tmp_path)


def test_bad_input_is_named(tmp_path):
    with pytest.raises(InputError, match="by is 'week', expected one of year, half-year, quarter, month"):
        split_by_period([["day"]], "day", "week", tmp_path)
    with pytest.raises(InputError, match="there is no column date; the header has day, n"):
        split_by_period([["day", "n"]], "date", "year", tmp_path)
    with pytest.raises(InputError, match="row 2, column day: 'x' is no date"):
        split_by_period([["day"], ["2013-01-01"], ["x"]], "day", "year", tmp_path)


def test_by_hand(tmp_path):
    (tmp_path / "all.csv").write_text("day,n\n2001-01-01,1\n2002-01-01,2\n")
    command = [
        ROOT / "envs/python",
        env_id("version", ROOT / "envs"),
        "-m",
        "scripts.version.split_csv",
        tmp_path / "all.csv",
    ]
    command += ["--column", "day", "--folder", tmp_path / "data/x"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.stdout.split() == ["dvc", "add", f"{tmp_path}/data/x/2001.csv", f"{tmp_path}/data/x/2002.csv"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2 and "2001.csv is there already" in done.stderr
