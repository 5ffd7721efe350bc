"""Which spans the names of pointers give, and which spans a window selects."""

from datetime import date
from pathlib import Path

import pytest

from scripts.data.spans import expired_spans, find_pointers, resolve_windows
from scripts.errors import ConfigError

DAY = date(2026, 1, 1)
YEARS = [str(year) for year in range(1990, 1998)]


def pointers(folder: Path, *names: str, more: str = "") -> Path:
    """Write a pointer for each of *names* to *folder*; return *folder*."""
    folder.mkdir(exist_ok=True)
    for name in names:
        text = f"outs:\n- md5: {'0' * 32}\n  size: 1\n  path: {name}\n{more}"
        (folder / f"{name}.dvc").write_text(text)
    return folder


def windows(folder: Path, until: str = "", pattern: str = "{SPAN}", split: dict | None = None, **given) -> dict:
    """Return the resolved windows of the pointers in *folder*."""
    parts = {"buckets": {}, "values": {}} | (split or {})
    config = {"case": "x", "until": until, "windows": given, "ingest": {"split": parts}}
    known = find_pointers(folder, pattern)
    return dict(resolve_windows(config, known, expired_spans(known, DAY)))


@pytest.fixture
def years(tmp_path) -> Path:
    return pointers(tmp_path / "x", *(f"{year}.csv" for year in YEARS))


@pytest.mark.feature("I5")
@pytest.mark.parametrize(
    ("window", "spans"),
    [
        (["1993", "1991"], ["1991", "1993"]),
        ({"last": 3}, YEARS[-3:]),
        ({"last": 3, "skip": 2}, YEARS[-5:-2]),
        ({"last": 30}, YEARS),
        ({"from": "1991", "to": "1993"}, YEARS[1:4]),
        ({"to": "1993", "exclude": ["1991"]}, ["1990", "1992", "1993"]),
        ({"from": "1991", "last": 2, "exclude": ["1997"]}, ["1995", "1996"]),
    ],
)
def test_window(window, spans, years):
    assert windows(years, train=window)["train"] == spans


def test_the_order_in_which_a_window_lists_spans_does_not_count(tmp_path):
    folder = pointers(tmp_path / "x", "9.csv", "10.csv", "09.csv")
    assert windows(folder, train=["10", "9", "09"]) == windows(folder, train=["09", "10", "9"])
    assert windows(folder, train=["10", "9", "09"]) == {"train": ["09", "9", "10"]}


@pytest.mark.feature("I5")
def test_windows_slide_as_of_an_earlier_span(years):
    rules = {"train": {"last": 3, "skip": 2}, "eval": {"last": 1, "skip": 1}, "test": {"last": 1}}
    slid = [windows(years, until=until, **rules) for until in ("1995", "1996")]
    assert slid[0] == {"train": ["1991", "1992", "1993"], "eval": ["1994"], "test": ["1995"]}
    assert slid[1] == {"train": ["1992", "1993", "1994"], "eval": ["1995"], "test": ["1996"]}


@pytest.mark.feature("I5")
def test_nothing_is_run_with_fewer_spans_than_needed(years):
    with pytest.raises(ConfigError, match=r"windows.train has 2 spans \(1996, 1997\) and needs 3; nothing is run"):
        windows(years, train={"last": 2, "at_least": 3})
    with pytest.raises(ConfigError, match=r"windows.train has 0 spans \(none\) and needs 1"):
        windows(years, train={"from": "2001"})


def test_a_span_needs_a_pointer(years):
    with pytest.raises(ConfigError, match=r"windows.eval: there is no pointer data/x/2050.csv.dvc"):
        windows(years, eval=["2050"])


def test_a_span_belongs_to_one_split_once(years):
    with pytest.raises(ConfigError, match=r"windows.test: span 1990 is in train too; ingest.split can divide its rows"):
        windows(years, train=["1990"], test=["1990"])
    with pytest.raises(ConfigError, match=r"windows.train: span 1990 is listed twice"):
        windows(years, train=["1990", "1990"])


def test_splits_that_part_the_rows_share_a_span(years):
    split = {"buckets": {"train": 2, "eval": 1}}
    assert windows(years, split=split, train=["1990"], eval=["1990"])["eval"] == ["1990"]
    with pytest.raises(ConfigError, match=r"windows.test: span 1990 is in train too"):
        windows(years, split=split, train=["1990"], eval=["1990"], test=["1990"])


@pytest.mark.feature("I4")
@pytest.mark.parametrize(
    ("pattern", "names", "spans"),
    [
        ("{SPAN}", ["a.csv", "b.jsonl.gz", "c.parquet", "d", "e.v1.csv"], ["a", "b", "c", "d", "e.v1"]),
        ("{SPAN:2}", ["1.csv", "02.csv", "10.csv"], ["02", "10"]),
        ("{SPAN}", ["10.csv", "9.csv", "100.csv"], ["9", "10", "100"]),
        ("log-{YYYY}{MM}{DD}", ["log-20240131.csv", "log-20231231.csv", "x.csv"], ["2023-12-31", "2024-01-31"]),
        ("{YYYY}-{MM}", ["2024-01.csv"], ["2024-01"]),
    ],
)
def test_names_of_pointers(pattern, names, spans, tmp_path):
    assert list(find_pointers(pointers(tmp_path / "x", *names), pattern)) == spans


@pytest.mark.feature("I4", "D3")
def test_the_latest_version_of_a_span_is_chosen_and_recorded(tmp_path):
    folder = pointers(tmp_path / "x", "1.v2.csv", "1.v10.csv", "2.v1.csv")
    found = find_pointers(folder, "{SPAN}.v{VERSION}")
    assert [(one.span, one.version, Path(one.pointer).name) for one in found.values()] == [
        ("1", 10, "1.v10.csv.dvc"),
        ("2", 1, "2.v1.csv.dvc"),
    ]


@pytest.mark.feature("I4")
def test_files_that_are_split_already(tmp_path):
    folder = pointers(tmp_path / "x", "train-1.csv", "train-2.csv", "eval-1.csv", "test-1.csv")
    found = windows(folder, pattern="{SPLIT}-{SPAN}", train={"last": 5}, eval={"last": 1}, test=["test-1"])
    assert found == {"train": ["train-1", "train-2"], "eval": ["eval-1"], "test": ["test-1"]}


@pytest.mark.feature("I4")
@pytest.mark.parametrize("pattern", ["v{VERSION}", "{SPAN}{YYYY}", "{SPAN}{SPAN}", "{MM}", "{NAME}"])
def test_pattern_that_makes_no_sense(pattern, tmp_path):
    with pytest.raises(ConfigError, match=r"version.pattern: .* cannot be used"):
        find_pointers(tmp_path, pattern)


@pytest.mark.feature("T3")
def test_pointers_of_side_files_are_no_spans(tmp_path):
    folder = pointers(tmp_path / "x", "1.csv", "roads.csv", "glove.txt")
    assert list(find_pointers(folder, "{SPAN}", [str(folder / "roads.csv.dvc"), str(folder / "glove.txt.dvc")])) == [
        "1"
    ]


def test_two_pointers_of_one_version(tmp_path):
    with pytest.raises(ConfigError, match=r"1.csv.dvc and .*1.jsonl.dvc both are span 1"):
        find_pointers(pointers(tmp_path / "x", "1.csv", "1.jsonl"), "{SPAN}")


@pytest.mark.feature("I11")
def test_span_past_its_retention_leaves_the_windows(years):
    pointers(years, "1996.csv", more="meta:\n  retention: 2025-12-31\n")
    pointers(years, "1997.csv", more="meta:\n  retention: 2026-01-01\n")
    assert windows(years, train={"last": 3})["train"] == ["1994", "1995", "1997"]
    assert windows(years, train=["1995", "1996"])["train"] == ["1995"]
    with pytest.raises(ConfigError, match=r"the retention of all its spans \(1996\) has ended"):
        windows(years, train=["1996"])


@pytest.mark.parametrize("ending", ["pq", "parquet", "ndjson.zst", "json", "jsonl.gz", "csv.bz2", "tsv", "txt", "data"])
def test_documented_ending_is_no_part_of_the_span(tmp_path, ending):
    assert list(find_pointers(pointers(tmp_path / "x", f"2001.{ending}"), "{SPAN}")) == ["2001"]


@pytest.mark.parametrize("name", ["...csv", "..csv", ".hidden.csv", "..-2001.csv"])
def test_name_that_leaves_or_hides_its_folder_is_no_span(tmp_path, name):
    assert find_pointers(pointers(tmp_path / "x", name, "a..b.csv"), "{SPAN}").keys() == {"a..b"}
