"""Rule reproduce: build a case from a commit alone, in a folder of its own, and compare it with its release."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.data.dvc_cache import cache_folder
from scripts.errors import InputError
from scripts.provenance.canonical import read_json
from scripts.release.compare import describe_output, find_difference
from scripts.release.records import ROOTS, describe_machine, find_commit, run_git, walk_records

FOLDER = Path(".snakemake/ouroboros/reproduce")


def link_file(source: str | Path, target: str | Path) -> None:
    """Make *target* a hard link of *source*, or a copy of it on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def clone_commit(commit: str, folder: Path) -> None:
    """Clone *commit* of this checkout to *folder*.

    It finds the data where this checkout does: next to the pointers, in the same cache of DVC, in the same remotes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_git("clone", "--quiet", "--shared", "--no-checkout", ".", str(folder))
    run_git("-C", str(folder), "checkout", "--quiet", "--detach", commit)
    if (local := Path(".dvc/config.local")).is_file():
        shutil.copy(local, folder / local)
    run_git("config", "--file", str(folder / ".dvc/config.local"), "cache.dir", str(cache_folder().resolve()))
    for pointer in folder.glob("data/*/*.dvc"):
        copy = pointer.with_suffix("")
        own = copy.relative_to(folder)
        if own.is_dir():
            shutil.copytree(own, copy, copy_function=link_file)
        elif own.is_file():
            link_file(own, copy)


def build_case(case: str, folder: Path, cores: int) -> None:
    """Run the stages of *case* in the checkout *folder*. Raises InputError if they fail."""
    targets = [f"results/{case}/{stage}/record.json" for stage in ROOTS]
    envs = os.environ.get("OUROBOROS_ENVS") or str(Path(".envs").resolve())
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    command = [os.environ["OUROBOROS_PYTHON"], "-m", "snakemake", "--cores", str(cores), *targets]
    own = kept | {"OUROBOROS_ENVS": envs}
    log = folder.with_suffix(".log")
    with open(log, "w", encoding="utf-8") as output:
        run = subprocess.run([*command, "--config", f"case={case}"], cwd=folder, env=own, stdout=output, stderr=output)
    if run.returncode:
        raise InputError(f"the stages fail in {folder}; what they said is in {log}")


def reproduce(case: str, cores: int) -> bool:
    """Build *case* from its commit and print whether every output is the released one; return it, too.

    Raises InputError if there is no release, if changes are not committed, or if a stage fails.
    """
    path, folder = Path("release") / f"{case}.json", FOLDER / case
    if not path.is_file():
        raise InputError(f"{path} is missing; `snakemake release --config case={case}` writes it")
    release, commit = read_json(path), find_commit()
    clone_commit(commit, folder)
    build_case(case, folder, cores)
    reproduced = dict(walk_records(case, folder))
    stages = release["stages"]
    differing = find_difference(stages, reproduced)
    if not differing:
        outputs = sum(len(stage["outputs"]) for stage in stages)
        print(f"{case}: {outputs} outputs of {len(stages)} stages, all as in the release {release['commit'][:12]}")
        shutil.rmtree(folder)
        return True
    stage, paths = differing
    print(f"{case}: {stage['stage']} is the first stage that differs from the release {release['commit'][:12]}")
    for name in paths:
        print(f"  {name}")
        for line in describe_output(name, stage["outputs"].get(name), Path(), folder):
            print(f"    {line}")
    print_envelope(release, stage, reproduced)
    print(f"What was built is in {folder}.")
    return False


def print_envelope(release: dict, stage: dict, reproduced: dict[str, dict]) -> None:
    """Print in what commit, environment and machine differ from those of the *release*."""
    now = {"commit": find_commit(), **describe_machine(), "environment": reproduced.get(stage["stage"], {}).get("env")}
    before = {"commit": release["commit"], **release["machine"], "environment": stage["environment"]}
    different = [name for name in before if before[name] != now[name]]
    for name in different:
        print(f"  {name}: {before[name]} -> {now[name]}")
    if not different:
        print("  commit, environment and machine are those of the release")


def main(case: str, cores: str) -> int:
    try:
        return 0 if reproduce(case, int(cores)) else 1
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
