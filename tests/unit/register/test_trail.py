"""The trail: a hash chain that shows what was edited, and that loses nothing when many append at once."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.errors import InputError
from scripts.provenance.trail import START, append_event, hash_line, read_events
from tests.workflow import ROOT


@pytest.fixture
def trail(tmp_path) -> Path:
    """Return a trail of five events."""
    path = tmp_path / "trail/tiny.jsonl"
    for number in range(5):
        append_event(path, lambda known, number=number: {"event": "test", "number": number, "known": len(known)})
    return path


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def test_events_are_chained_and_in_order(trail):
    found = read_events(trail)
    assert [(event["number"], event["known"]) for event in found] == [(number, number) for number in range(5)]
    assert [event["previous"] for event in found] == [START, *(hash_line(line) for line in lines(trail)[:-1])]
    for event in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", event["time"]) and event["actor"]


def test_append_gives_all_events_and_keeps_what_is_there(trail):
    before = trail.read_bytes()
    known = append_event(trail, lambda known: {"event": "more"})
    assert known == read_events(trail) and len(known) == 6
    assert trail.read_bytes().startswith(before)


def test_nothing_decided_nothing_written(trail, tmp_path):
    before = trail.read_bytes()
    assert append_event(trail, lambda known: None) == read_events(trail)
    assert trail.read_bytes() == before
    assert append_event(tmp_path / "new/other.jsonl", lambda known: None) == [] == read_events(tmp_path / "none.jsonl")


@pytest.mark.parametrize("number", range(4))
def test_edited_line_is_found_at_the_next_one(trail, number):
    text = lines(trail)
    text[number] = text[number].replace(f'"number":{number}', '"number":99')
    trail.write_text("".join(text))
    with pytest.raises(InputError, match=rf"tiny\.jsonl, line {number + 2}: does not match the previous line; restore"):
        read_events(trail)


def test_last_line_is_known_to_git_alone(trail):
    trail.write_text("".join(lines(trail)[:-1]))
    assert len(read_events(trail)) == 4


@pytest.mark.parametrize("number", range(4))
def test_dropped_line_is_found(trail, number):
    text = lines(trail)
    del text[number]
    trail.write_text("".join(text))
    with pytest.raises(InputError, match=f"line {number + 1}: does not match the previous line"):
        read_events(trail)


def test_moved_doubled_and_added_lines_are_found(trail):
    text = lines(trail)
    for made, number in (
        ([text[0], text[2], text[1], *text[3:]], 2),
        ([*text[:2], text[1], *text[2:]], 3),
        ([*text, json.dumps({"event": "x", "previous": START}) + "\n"], 6),
        ([*text, json.dumps({"event": "x"}) + "\n"], 6),
    ):
        trail.write_text("".join(made))
        with pytest.raises(InputError, match=f"line {number}: does not match"):
            read_events(trail)


@pytest.mark.parametrize("line", ["{half", "", "text"])
def test_line_that_is_no_json_is_named(trail, line):
    trail.write_text("".join([*lines(trail)[:2], line + "\n", *lines(trail)[2:]]))
    with pytest.raises(InputError, match=r"line 3: not JSON .*restore the file from git"):
        read_events(trail)


def test_damaged_trail_is_not_appended_to(trail):
    trail.write_text("".join(lines(trail)[1:]))
    before = trail.read_bytes()
    with pytest.raises(InputError):
        append_event(trail, lambda known: {"event": "more"})
    assert trail.read_bytes() == before


APPEND = """
import sys
from pathlib import Path
from scripts.provenance.trail import append_event
for turn in range(3):
    event = {"event": "test", "by": sys.argv[2], "turn": turn}
    append_event(Path(sys.argv[1]), lambda known: event | {"known": len(known)})
"""


@pytest.mark.slow
def test_twenty_processes_at_once_lose_nothing(tmp_path):
    path = tmp_path / "trail.jsonl"
    command = [sys.executable, "-c", APPEND, str(path)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([*command, str(number)], env=env) for number in range(20)]
    assert [process.wait() for process in started] == [0] * 20
    found = read_events(path)
    assert [event["known"] for event in found] == list(range(60))
    assert {(event["by"], event["turn"]) for event in found} == {
        (str(by), turn) for by in range(20) for turn in range(3)
    }


def test_missing_last_line_break_is_no_damage(trail):
    trail.write_text(trail.read_text().rstrip("\n"))
    append_event(trail, lambda known: {"event": "more"})
    assert len(read_events(trail)) == 6


def test_text_with_another_line_separator(trail):
    append_event(trail, lambda known: {"event": "why", "text": "a\u2028b\x85c"})
    assert read_events(trail)[-1]["text"] == "a\u2028b\x85c"


def test_line_that_is_no_object_is_named(trail):
    trail.write_text("5\n" + trail.read_text())
    with pytest.raises(InputError, match="line 1"):
        read_events(trail)
