"""Run a command on a terminal of its own and see what stands on it."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class Terminal:
    """A command on a pseudo-terminal of some *columns*: what it writes is read until it ends."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str], columns: int = 100):
        self.text, self.columns = "", columns
        self.process, self.leader = pty.fork()
        if not self.process:
            try:
                os.chdir(folder)
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))

    def read(self, until: str = "", seconds: float = 240) -> str:
        """Read until the pattern *until* was written, or the command has ended; return all that was written so far.

        Raises AssertionError after so many *seconds*.
        """
        end = time.monotonic() + seconds
        while not (until and re.search(until, self.text)):
            assert time.monotonic() < end, f"not after {seconds} s: {until or 'the end'}\n{self.text[-2000:]}"
            if not select.select([self.leader], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self.leader, 65536)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                break
            self.text += data.decode("utf-8", "replace")
        return self.text

    def press(self, key: str) -> None:
        """Press a *key*: "\\x03" is Ctrl-C."""
        os.write(self.leader, key.encode())

    def end(self, seconds: float = 240) -> tuple[int, str]:
        """Return exit status and all that was written, once the command has ended."""
        try:
            self.read(seconds=seconds)
            return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1]), self.text
        except AssertionError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process, signal.SIGKILL)
            raise
        finally:
            os.close(self.leader)


def visible(text: str) -> list[str]:
    """Return the lines that stand on a terminal, wide enough, after *text* was written to it. Colours are left out."""
    lines, column = [""], 0
    for control, motion, words in CONTROL.findall(text):
        line = lines[-1]
        if words:
            lines[-1] = line[:column].ljust(column) + words + line[column + len(words) :]
            column += len(words)
        elif motion == "\r":
            column = 0
        elif motion == "\n":
            lines.append("")
            column = 0
        elif control == "K":
            lines[-1] = line[:column]
        else:
            assert control == "m", f"a control sequence that a simple terminal may not know: {control}"
    return lines


def drawn(text: str) -> list[str]:
    """Return each state of the last line that moves, in the order in which they were drawn."""
    return [re.sub(r"\x1b\[[0-9;]*m", "", part) for part in re.split(r"\r\x1b\[K|\r?\n", text)]
