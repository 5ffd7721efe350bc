"""README.md as somebody follows it: its blocks, run in one shell, in a fresh clone with an empty home."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.workflow import ROOT, clone, environment

README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVER = "./ouroboros serve\n"  # a block that ends by Ctrl-C
DEFAULT_PORT, DEFAULT_GRPC_PORT = 8080, 8081
END = "=== end of block ==="
# A terminal of its own for the server: a shell in the background would make it deaf to Ctrl-C.
TERMINAL = """\
import os, signal, sys
os.setsid()
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
IN_TERMINAL = """\
python3 -c '{program}' {command} > ../server.log 2>&1 &
terminal=$!
python3 - <<'END_OF_PYTHON'
import time, urllib.request
for attempt in range(600):
    try:
        print("health:", urllib.request.urlopen("http://127.0.0.1:{port}/health").status)
        break
    except OSError:
        time.sleep(0.1)
END_OF_PYTHON
"""
CTRL_C = "kill -INT -- -$terminal\nwait $terminal || true\n"
CURL = """\
import json, sys, time, urllib.error, urllib.request
words = sys.argv[1:]
data = words[words.index("--data") + 1].encode() if "--data" in words else None
headers = dict([words[words.index("--header") + 1].split(":", 1)]) if "--header" in words else {}
for attempt in range(300):
    try:
        print(urllib.request.urlopen(urllib.request.Request(words[-1], data, headers)).read().decode(), end="")
        break
    except urllib.error.HTTPError as error:
        print(error.read().decode(), end="")
        break
    except OSError:
        time.sleep(0.1)
"""


def blocks(language: str = "sh") -> list[tuple[str, str]]:
    """Return (section, content) of each code block of *language* in the README."""
    found, section = [], ""
    for part in re.finditer(r"^## ([^\n]*)$|^```(\w+)\n(.*?)^```$", README, re.M | re.S):
        section = part[1] or section
        if part[2] == language:
            found.append((section, part[3]))
    return found


def free_port(default: int) -> int:
    """Return the *default* port if nothing listens there, else a free one."""
    for port in (default, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return probe.getsockname()[1]
            except OSError:
                continue
    raise AssertionError("no free port")


class Reader:
    """Somebody with a fresh clone and an empty home, both in *folder*, who runs the README's blocks in one shell."""

    def __init__(self, folder: Path):
        self.clone, self.port, self.grpc_port = folder / "clone", DEFAULT_PORT, DEFAULT_GRPC_PORT
        if not self.clone.exists():
            clone(self.clone)
            (folder / "home").mkdir()
            self.commit()
        self.environment = environment(HOME=str(folder / "home"), NO_PROXY="127.0.0.1", DVC_NO_ANALYTICS="1")
        self.environment.pop("OUROBOROS_PYTHON", None)  # the first command makes the environment of Snakemake
        for role in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.org"}
        for name, cache in (("PIP_CACHE_DIR", "pip"), ("UV_CACHE_DIR", "uv")):
            if (Path.home() / ".cache" / cache).is_dir():  # saves downloads, changes nothing else
                self.environment.setdefault(name, str(Path.home() / ".cache" / cache))
        if not shutil.which("curl"):
            (folder / "bin").mkdir()
            (folder / "bin/curl").write_text(f"#!{sys.executable}\n{CURL}")
            (folder / "bin/curl").chmod(0o755)
            self.environment["PATH"] = f"{folder / 'bin'}:{self.environment['PATH']}"

    def commit(self) -> None:
        """Commit the state of the clone."""
        git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", "add", "--all"], cwd=self.clone, check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "State"], cwd=self.clone, check=True)

    def choose_port(self) -> None:
        """Let servers listen on a port that is free here, by the configuration and in all blocks."""
        self.port, self.grpc_port = free_port(DEFAULT_PORT), free_port(DEFAULT_GRPC_PORT)
        config = self.clone / "config/config.yaml"
        config.write_text(self.own(config.read_text()))
        self.commit()

    def own(self, text: str) -> str:
        """Return *text* with the ports that are free here."""
        return text.replace(str(DEFAULT_GRPC_PORT), str(self.grpc_port)).replace(str(DEFAULT_PORT), str(self.port))

    def scripted(self, contents: list[str]) -> list[str]:
        """Return *contents* with the server in a terminal of its own until the block after it has ended."""
        found = []
        for before, content in zip([None, *contents], contents, strict=False):
            words = {"program": TERMINAL, "command": content.strip(), "port": self.port}
            text = IN_TERMINAL.format(**words) if content == SERVER else self.own(content)
            found.append(text + (f"\n{CTRL_C}" if before == SERVER else ""))
        return found

    def run(self, contents: list[str], seconds: float) -> list[tuple[str, str]]:
        """Run the blocks *contents* in one shell, which stops at the first failure; return (stdout, stderr) of each.

        What they print is also in the files stdout and stderr beside the clone.
        """
        lines = [f"{text}\necho '{END}'\necho '{END}' >&2\n" for text in self.scripted(contents)]
        script = ["bash", "--noprofile", "--norc", "-e", "-c", "".join(lines)]
        paths = self.clone.with_name("stdout"), self.clone.with_name("stderr")
        with open(paths[0], "w") as out, open(paths[1], "w") as err:
            options = {"cwd": self.clone, "env": self.environment, "start_new_session": True}
            process = subprocess.Popen(script, stdout=out, stderr=err, **options)
            try:
                process.wait(seconds)
            finally:
                with contextlib.suppress(ProcessLookupError):  # a server that a failed block left
                    os.killpg(process.pid, signal.SIGKILL)
        said = list(zip(*(path.read_text().split(f"{END}\n") for path in paths), strict=False))
        assert process.returncode == 0, f"block {len(said)} ended with {process.returncode}:\n" + "\n".join(said[-1])
        return said[:-1]
