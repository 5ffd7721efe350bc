"""Bring pointers, caches, remotes and results in line with what purged.jsonl says; done twice it changes nothing."""

import re
import shutil
from pathlib import Path

from scripts.data.pointer import pointer as read_pointer
from scripts.data.pointer import retained, today
from scripts.provenance.canonical import read_json, write_bytes
from scripts.provenance.run_job import remove, say
from scripts.version.dvc_objects import databases
from scripts.version.fetch import objects
from scripts.version.git_history import committed
from scripts.version.purge_log import purged


def settle(folder: Path) -> int:
    """Let no pointer in *folder* name a purged version: it names the cleaned one, or goes with the file.

    Returns how many pointers changed. A pointer whose retention is over stays, it tells why its bytes are gone.
    """
    changed = 0
    for (name, old), entry in purged(folder).items():
        path = folder / name
        if not path.exists() or (named := read_pointer(path))["md5"] != old:
            continue
        beside = folder / named["path"]
        if entry["new"]:
            rewrite(path, beside, named, entry["new"])
            changed += 1
        else:
            remove(beside)
            if retained(path, today()):
                path.unlink()
                changed += 1
                say(f"{path} is gone; take its span out of windows if it is named there")
    return changed


def rewrite(path: Path, beside: Path, named: dict, md5: str) -> None:
    """Let the pointer at *path* name the version *md5*, which DVC's cache has, and bring that to *beside* it.

    Its origin goes: it gives the rows that were purged.
    """
    files = objects(named | {"md5": md5})
    fresh = beside.with_name(f".tmp-{beside.name}")
    if beside.exists() or fresh.exists():
        remove(fresh)
        for name, source in files.items():
            target = fresh / name if named["nfiles"] is not None else fresh
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        if beside.is_dir():
            remove(beside)
        fresh.replace(beside)
    size = sum(source.stat().st_size for source in files.values())
    text = path.read_text(encoding="utf-8").replace(named["md5"], md5)
    text = re.sub(r"^( *-? *size: *)\d+", rf"\g<1>{size}", text, count=1, flags=re.M)
    text = re.sub(r"^( *-? *nfiles: *)\d+", rf"\g<1>{len(files)}", text, count=1, flags=re.M)
    text = re.sub(r"^( +)origin:.*\n(?:\1 +.*\n?)*", "", text, flags=re.M)
    text = re.sub(r"^meta:\s*\n(?! )", "", text, flags=re.M)
    write_bytes(path, text.encode())
    say(f"{path}: now names {md5}")


def delete(folder: Path, results: Path) -> int:
    """Delete the objects of purged versions that no other pointer names, and copies of them; return how many."""
    entries = purged(folder)
    gone = {(str(folder / name), old) for name, old in entries}
    named = {(path, version["md5"]) for path, version in committed("*.dvc", everywhere=True)}
    named |= {(str(path), read_pointer(path)["md5"]) for path in Path("data").rglob("*.dvc")}
    deleted = 0
    with databases() as found:
        kept: dict[str, str] = {}
        for path, md5 in sorted(named - gone):
            kept |= dict.fromkeys(found.members(md5), path)
        for entry in entries.values():
            kept |= dict.fromkeys(found.members(entry["new"]) if entry["new"] else [], entry["pointer"])
        for name, old in entries:
            for md5 in sorted(found.members(old), key=lambda md5: md5.endswith(".dir")):
                if md5 not in kept:
                    deleted += len(places := found.delete(md5))
                    for place in places:
                        say(f"{name}: {md5} deleted from {place}")
                elif md5 == old:
                    say(f"{name}: {md5} stays, {kept[md5]} names it")
    return deleted + forget(results, gone)


def forget(results: Path, gone: set[tuple[str, str]]) -> int:
    """Remove copies of purged versions, (pointer, md5) in *gone*, from *results*; return how many folders went.

    Those are what a record says was made from one, what has no record, files rebuilt from packages, and the statistics
    and row checks of such spans.
    """
    shutil.rmtree(results.parent / ".origin", ignore_errors=True)
    removed = 0
    derived = [*results.glob("validate/statistics/*"), *results.glob("validate/checks/*")]
    for folder in [*results.glob("version/*"), *results.glob("ingest/*")]:
        record = folder / "record.json"
        inputs = read_json(record)["inputs"].values() if record.exists() else []
        made_from = {(path, digest.removeprefix("md5:")) for group in inputs for path, digest in group.items()}
        if not record.exists() or made_from & gone:
            for place in [folder, *(place for place in derived if place.name == folder.name and place.exists())]:
                remove(place)
                removed += 1
    for path in results.glob("diff/*.json"):
        found = read_json(path)
        if {(found["pointer"], found["old"]), (found["pointer"], found["new"])} & gone:
            path.unlink()
            removed += 1
    return removed
