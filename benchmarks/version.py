"""Cost of data versions: CPU seconds, medians, all in one run, with the files in the page cache.

    envs/python version benchmarks/version.py [--runs 7] [--megabytes 1024]

Measured are a fetch of one large file (checked by md5, recorded by sha256) and of a folder of 10,000 small ones from
DVC's cache, relative to md5sum of the same bytes; "has it changed" from a pointer, in a process of its own and in one
that runs anyway (a dry run), relative to `dvc status`; and a row-level difference of two versions of a million rows.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASK = """
import sys
from scripts.provenance.fingerprint import content_digest
for _ in range(int(sys.argv[2])):
    assert content_digest("data/large.bin.dvc") == "md5:" + sys.argv[1]
"""
MANY = 1000


def cpu(command: list, folder: Path) -> tuple[float, int]:
    """Return CPU seconds and peak memory (kilobytes) of *command*, which must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {command}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, used.ru_maxrss


def prepare(folder: Path, megabytes: int) -> None:
    """Make a repository with a large file and a folder of small ones in DVC's cache, and two versions of a table."""
    data = folder / "data"
    (data / "small").mkdir(parents=True)
    block = os.urandom(1 << 20)
    with open(data / "large.bin", "wb") as file:
        for number in range(megabytes):
            file.write(number.to_bytes(8, "big") + block[8:])
    for number in range(10_000):
        (data / f"small/{number:05}.csv").write_text(f"n\n{number}\n")
    rows = [f"{number},{number % 97},text {number}\n" for number in range(1_000_000)]
    (data / "old.csv").write_text("id,n,t\n" + "".join(rows))
    rows[1000:1010] = ["1000,changed,x\n"]
    (data / "new.csv").write_text("id,n,t\n" + "".join(rows))
    for name in ("envs", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--quiet"], cwd=folder, check=True)
    subprocess.run([*dvc, "add", "--quiet", "data/large.bin", "data/small"], cwd=folder, check=True)


def commands(folder: Path) -> dict[str, list]:
    """Return the commands to measure by name."""
    fetch = [sys.executable, "scripts/version/fetch.py", "--pointer"]
    md5 = next(line.split()[-1] for line in (folder / "data/large.bin.dvc").read_text().splitlines() if "md5:" in line)
    differ = (
        "from pathlib import Path; from scripts.version.diff import compare, Version;"
        "form = {'format': 'csv', 'separator': ',', 'encoding': 'utf-8', 'quote': chr(34), 'header': True};"
        "form |= {'skip_lines': 0, 'comment': '', 'trim': False};"
        "made = [Version(Path('versions', word), word, form) for word in ('old', 'new')];"
        "assert compare(*made, ['id'])['counts']['removed'] == 9"
    )
    return {
        "python start": [sys.executable, "-c", "pass"],
        "md5sum large": ["md5sum", "data/large.bin"],
        "fetch large": [*fetch, "data/large.bin.dvc", "--raw", "raw/large"],
        "md5sum small": ["sh", "-c", "md5sum data/small/*"],
        "fetch small": [*fetch, "data/small.dvc", "--raw", "raw/small"],
        "has it changed, own process": [sys.executable, "-c", ASK, md5, "1"],
        "has it changed, many": [sys.executable, "-c", ASK, md5, str(MANY + 1)],
        "dvc status": [sys.executable, "-m", "dvc", "status", "data/large.bin.dvc"],
        "difference": [sys.executable, "-c", differ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--megabytes", type=int, default=1024)
    options = parser.parse_args()
    os.environ |= {"PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".tmp-") as name:
        folder = Path(name)
        prepare(folder, options.megabytes)
        for word in ("old", "new"):
            (folder / "versions" / word).mkdir(parents=True)
            (folder / f"data/{word}.csv").rename(folder / "versions" / word / "rows.csv")
        taken: dict[str, list[float]] = {}
        peak: dict[str, int] = {}
        for turn in range(options.runs + 1):
            for what, command in commands(folder).items():
                shutil.rmtree(folder / "raw", ignore_errors=True)
                seconds, memory = cpu(command, folder)
                if turn:
                    taken.setdefault(what, []).append(seconds)
                    peak[what] = max(peak.get(what, 0), memory)
    figures = {what: round(statistics.median(values), 3) for what, values in taken.items()}
    once, many = figures["has it changed, own process"], figures["has it changed, many"]
    ratios = {
        "version of a large file against md5sum": figures["fetch large"] / figures["md5sum large"],
        "version of 10,000 small files against md5sum": figures["fetch small"] / figures["md5sum small"],
        "has it changed, in a process of its own, against dvc status": once / figures["dvc status"],
        "has it changed, in a dry run, against dvc status": (many - once) / MANY / figures["dvc status"],
    }
    ratios = {what: round(value, 4) for what, value in ratios.items()}
    memory = {what: peak[what] // 1024 for what in ("fetch large", "fetch small", "difference")}
    print(json.dumps({"cpu seconds": figures, "ratios": ratios, "peak megabytes": memory}, indent=1))


if __name__ == "__main__":
    main()
