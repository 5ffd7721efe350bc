"""Lines on a terminal and elsewhere: colours, widths, and a last line that nothing breaks."""

import io
import os
import pty

import pytest

from scripts.console.screen import ERASE, Screen, format_row


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_has_colours_and_a_live_line():
    screen = Screen(Terminal())
    assert screen.live and screen.paint("x", "red") == "\x1b[31mx\x1b[0m"
    assert screen.paint("", "red") == ""


def test_a_file_has_neither():
    screen = Screen(io.StringIO())
    screen.show("10 %")
    screen.print("done")
    assert screen.stream.getvalue() == "done\n" and screen.paint("x", "red") == "x"


def test_no_color_and_nocolor_keep_the_live_line(monkeypatch):
    assert not Screen(Terminal(), colour=False).colour
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen(Terminal())
    assert screen.live and not screen.colour


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_dumb_terminal_gets_plain_lines(term, monkeypatch):
    monkeypatch.delenv("TERM") if term is None else monkeypatch.setenv("TERM", term)
    assert not Screen(Terminal()).live


def test_lines_go_above_the_live_line():
    screen = Screen(Terminal())
    screen.show("10 %")
    screen.show("10 %")  # as it is: nothing is written
    screen.print("a job")
    screen.show("20 %")
    screen.clear()
    assert screen.stream.getvalue() == f"{ERASE}10 %{ERASE}a job\n10 %{ERASE}20 %{ERASE}"


def test_a_reader_who_leaves_does_no_harm():
    reading, writing = os.pipe()
    os.close(reading)
    screen = Screen(os.fdopen(writing, "w"))
    screen.print("x" * 100_000)
    screen.print("more")
    assert screen.closed_by_reader


def test_without_unicode_the_signs_are_ascii():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace")
    Screen(stream).print("✓ a job … █░ ·")
    assert stream.buffer.getvalue() == b"+ a job . #. -\n"


def test_the_width_is_that_of_the_terminal_now():
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as stream:
        screen = Screen(stream)
        for columns in (120, 33, 5):
            import fcntl
            import struct
            import termios

            fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            assert screen.width == max(20, columns)
    os.close(leader)


@pytest.mark.parametrize("columns", [20, 40, 59, 60, 80, 120])
def test_a_job_takes_one_line_of_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    line = format_row(Screen(Terminal(), colour=False), "✓", "metrics", "roc_auc 0.94 " * 20, "1 min 10 s", 12)
    assert len(line) < columns and line.startswith("✓ metrics")
    assert line.endswith("  1 min 10 s") == (columns > 60)


def test_elsewhere_nothing_is_cut_off():
    line = format_row(Screen(io.StringIO()), "[1/9] ✓", "metrics", "roc_auc 0.94 " * 20, "4.0 s", 12)
    assert line == f"[1/9] ✓ metrics       {'roc_auc 0.94 ' * 20}  (4.0 s)"
    assert format_row(Screen(io.StringIO()), " ", "tune", "", "", 6) == "  tune"
