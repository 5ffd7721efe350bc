"""Make pointers, cache, remotes and results agree with purged.jsonl; idempotent, so that it can be repeated safely."""

import re
import shutil
from pathlib import Path

from scripts.data.pointer import is_retained, read_pointer, today
from scripts.provenance.canonical import read_json, write_bytes
from scripts.provenance.record import read_record
from scripts.provenance.run_job import echo, remove
from scripts.version.dvc_objects import open_databases
from scripts.version.fetch import cached_files
from scripts.version.git_history import committed_versions
from scripts.version.purge_log import find_remaining, read_purge_log

REPRODUCED = Path(".snakemake/ouroboros/reproduce")  # what `reproduce` left of a case that differed, with its data


def rewrite_pointers(folder: Path) -> int:
    """Make the pointers in *folder* that name a purged version name the one without the rows; return how many changed.

    If there is no such version, the pointer is removed along with the data, unless its retention is over: then it stays
    and says why its bytes are gone.
    """
    changed, entries = 0, read_purge_log(folder)
    for name, old in entries:
        path = folder / name
        if not path.exists() or (version := read_pointer(path))["md5"] != old:
            continue
        data_path = folder / version["path"]
        if remaining := find_remaining(entries, name, old):
            rewrite_pointer(path, data_path, version, remaining)
            changed += 1
        else:
            remove(data_path)
            if is_retained(path, today()):
                path.unlink()
                changed += 1
                echo(f"{path} removed; take its span out of windows if it is named there")
    return changed


def rewrite_pointer(path: Path, data_path: Path, version: dict, md5: str) -> None:
    """Make the pointer at *path* name the version *md5*, which DVC's cache has, and update its working copy.

    Its origin is removed, since that has the rows that were purged.
    """
    files = cached_files(version | {"md5": md5})
    fresh = data_path.with_name(f".tmp-{data_path.name}")
    if data_path.exists() or fresh.exists():
        remove(fresh)
        for name, source in files.items():
            target = fresh / name if version["nfiles"] is not None else fresh
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        if data_path.is_dir():
            remove(data_path)
        fresh.replace(data_path)
    size = sum(source.stat().st_size for source in files.values())
    text = path.read_text(encoding="utf-8").replace(version["md5"], md5)
    text = re.sub(r"^( *-? *size: *)\d+", rf"\g<1>{size}", text, count=1, flags=re.M)
    text = re.sub(r"^( *-? *nfiles: *)\d+", rf"\g<1>{len(files)}", text, count=1, flags=re.M)
    text = re.sub(r"^( +)origin:.*\n(?:\1 +.*\n?)*", "", text, flags=re.M)
    text = re.sub(r"^meta:\s*\n(?! )", "", text, flags=re.M)
    write_bytes(path, text.encode())
    echo(f"{path}: now names {md5}")


def delete_objects(folder: Path, results: Path) -> int:
    """Delete the objects of purged versions that no other pointer names, and what was derived; return how many."""
    entries = read_purge_log(folder)
    purged = {(str(folder / name), old) for name, old in entries}
    named = {(path, version["md5"]) for path, version in committed_versions("*.dvc", everywhere=True)}
    named |= {(str(path), read_pointer(path)["md5"]) for path in Path("data").rglob("*.dvc")}
    deleted = 0
    with open_databases() as databases:
        named_by: dict[str, str] = {}
        for path, md5 in sorted(named - purged):
            named_by |= dict.fromkeys(databases.objects_of(md5), path)
        for (name, _), entry in entries.items():
            if entry["new"] and (name, entry["new"]) not in entries:  # a later purge may have taken rows of it, too
                named_by |= dict.fromkeys(databases.objects_of(entry["new"]), name)
        for name, old in entries:
            for md5 in sorted(databases.objects_of(old), key=lambda md5: md5.endswith(".dir")):
                if md5 not in named_by:
                    deleted += len(places := databases.delete(md5))
                    for place in places:
                        echo(f"{name}: {md5} deleted from {place}")
                elif md5 == old:
                    echo(f"{name}: {md5} stays, because {named_by[md5]} names it")
    if entries:
        delete_copies(folder.name)
    return deleted + delete_derived(results, purged)


def delete_copies(case: str) -> None:
    """Delete what may quote rows of *case* or copy its data: reproductions, and all its logs but that of this job."""
    for path in Path("logs", case).rglob("*.log"):
        if path.name != "purge.log":
            path.unlink(missing_ok=True)
    remove(REPRODUCED / case)
    (REPRODUCED / f"{case}.log").unlink(missing_ok=True)


def delete_derived(results: Path, purged: set[tuple[str, str]]) -> int:
    """Delete what was derived from purged versions, given as (pointer, md5), from *results*; return how many.

    Deleted are fetched and ingested spans whose record names such a version, is missing or is damaged, with their
    statistics and row checks, and differences of such versions. Files rebuilt from packages are deleted without being
    counted.
    """
    shutil.rmtree(results.parent / ".origin", ignore_errors=True)
    removed = 0
    derived = [*results.glob("validate/statistics/*"), *results.glob("validate/checks/*")]
    for folder in [*results.glob("version/*"), *results.glob("ingest/*")]:
        record = folder / "record.json"
        content = read_record(record)
        digests = [item for group in content.get("inputs", {}).values() for item in group.items()]
        made_from = {(path, digest.removeprefix("md5:").partition(" as ")[0]) for path, digest in digests}
        if not content or made_from & purged:
            for place in [folder, *(place for place in derived if place.name == folder.name and place.exists())]:
                remove(place)
                removed += 1
    for path in results.glob("diff/*.json"):
        found = read_json(path)
        if {(found["pointer"], found["old"]), (found["pointer"], found["new"])} & purged:
            path.unlink()
            removed += 1
    return removed
