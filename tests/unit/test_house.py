"""The rules of the house: formatting, sizes, names and locks, for every file of the repository."""

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from envs.groups import below_floors, constraints, groups
from scripts.config.families import declared_families
from scripts.preprocess.registry import MODULES
from scripts.provenance.environment import lock_lines
from scripts.provenance.source import CodeDigests, imported_names
from tests.order import dealt
from tests.workflow import clone

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "rules").glob("*.smk"))
WATCHES = "scripts/__init__.py"  # it lets a job watch what it opens from its first own import on
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
LOCKS = sorted(path for path in (ROOT / "envs").glob("*.txt") if not path.stem.startswith("constraints"))
PACKAGES = {str(path.relative_to(ROOT)) for path in SCRIPTS if path.name == "__init__.py"}
NO_STAGE = {
    "challengers",
    "common",
    "console",
    "cross_fit",
    "explain",
    "lookup",
    "propose",
}  # rule files without a stage
# folders of scripts that several stages import, from the top floor down: each imports only from those below it
FLOORS = ["families", "bundle", "config", "metrics", "schema", "statistics", "provenance", "data", "templates"]
SHARED = {"client", "console", "custom", *FLOORS}
BY_HAND = (
    "README.md",
    "config/README.md",
    "ouroboros",
)  # name the scripts that people run: python -m scripts.<folder>.<script>
# one-character classes keep these patterns from finding themselves
REGISTRIES = re.compile(
    r"py[p]i\.org|python[h]osted\.org|conda\.anacond[a]\.org|repo\.anacond[a]|registry\.npm[j]s|crates\.i[o]|ghcr\.i[o]|"
    r"docker\.i[o]|qua[y]\.io|proxy\.golan[g]|deb\.debia[n]\.org|archive\.ubunt[u]|cache\.nixo[s]"
)
PLACES = re.compile(r"(?<![\w.$}*-])/(?:wor[k]|roo[t]|tm[p]|hom[e]|User[s]|op[t])/\w")
# checks on the real server; fits what the sweep chose, from what is served; reads files as ingestion does, and answers;
# measures requests, and the int8 form of a model, as analysis measures rows
CROSSINGS = {
    ("deploy", "serve"),
    ("train", "serve"),
    ("predict", "ingest"),
    ("predict", "serve"),
    ("feedback", "analyze"),
    ("export", "analyze"),
}
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*(.*?))?\s*\\?$")


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    """Run a tool of the test environment."""
    return subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True)


def files() -> list[Path]:
    """Return all files that are in git or would be added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(path for name in set(listed.stdout.splitlines()) if (path := ROOT / name).is_file())


def name(path: Path) -> str:
    """Return *path* as seen from the root."""
    return str(path.relative_to(ROOT))


def lines(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def test_ruff_finds_nothing():
    found = run("ruff", "check", "--output-format", "concise", "--no-cache", ".")
    assert found.returncode == 0, found.stdout + found.stderr


def test_python_is_formatted():
    found = run("ruff", "format", "--check", "--no-cache", ".")
    assert found.returncode == 0, found.stdout + found.stderr


def test_rules_are_formatted():
    found = run("snakefmt", "--check", "Snakefile", "rules")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_snakemake_lint_finds_nothing(tmp_path):
    found = run("snakemake", "--lint", folder=clone(tmp_path / "clone"))
    assert found.returncode == 0, found.stdout + found.stderr


def test_entry_files_are_short():
    limits = {ROOT / "Snakefile": 59, ROOT / "rules/common.smk": 99}
    assert not [(name(path), lines(path), most) for path, most in limits.items() if lines(path) > most]


def test_lines_of_rules_are_short():
    long = [name(path) for path in [ROOT / "Snakefile", *RULES] if max(map(len, path.read_text().splitlines())) > 120]
    assert not long


def test_rule_files_open_with_their_contract_and_hold_no_lambda():
    for path in RULES:
        text = path.read_text()
        assert text.startswith('"""'), name(path)
        assert not re.search(r"\blambda\b", text), name(path)


def test_one_word_for_a_stage_everywhere():
    text = (ROOT / "Snakefile").read_text()
    included = re.findall(r'^include: "rules/(\w+)\.smk"$', text, re.M)
    assert sorted(included) == [path.stem for path in RULES]
    stages = set(included) - NO_STAGE
    folders = {path.parent.name for path in SCRIPTS if path.parent != ROOT / "scripts"}
    assert folders - SHARED == stages
    for stage in stages:
        rules = (ROOT / f"rules/{stage}.smk").read_text()
        assert re.search(rf"^(?:rule|checkpoint) {stage}:$", rules, re.M), f"no target {stage}"
    tested = {path.name for path in (ROOT / "tests/unit").iterdir() if any(path.glob("test_*.py"))}
    assert tested <= folders | {"envs"}, tested - folders


def test_every_script_is_used():
    texts = [path.read_text() for path in [*RULES, ROOT / "envs/driver"]]
    lines = [found for text in texts for found in re.findall(r'^(?: +code|[A-Z]+) ?= ?f?"(.*)"', text, re.M)]
    named = [found for line in lines for found in re.findall(r"\b[a-z]+/\w+", line)]
    names = [name for name in named if (ROOT / f"scripts/{name}.py").is_file()]
    roots = {f"scripts/{name}.py" for name in names} | {f"scripts/families/{name}.py" for name in declared_families()}
    roots |= {path for text in texts for path in re.findall(r"scripts/\w+/\w+\.py", text)}
    roots |= {f"scripts/preprocess/{module}.py" for module in MODULES.values()}  # imported by name
    roots |= {found.replace(".", "/") + ".py" for page in BY_HAND for found in by_hand((ROOT / page).read_text())}
    roots |= {path for page in BY_HAND for path in re.findall(r"scripts/client/\w+\.py", (ROOT / page).read_text())}
    for path in [ROOT / "envs/build", ROOT / "envs/lock", *RULES, ROOT / "Snakefile"]:
        found = re.findall(r"^\s*(?:from|import) (scripts\.[\w.]+)", path.read_text(), re.M)
        roots |= {module.replace(".", "/") + ".py" for module in found}
    used = CodeDigests(ROOT).closure(*(path for path in roots if (ROOT / path).is_file()))
    assert roots <= set(used), roots - set(used)
    assert [name(path) for path in SCRIPTS if name(path) not in used.keys() | PACKAGES] == []


def test_packages_hold_a_docstring_alone():
    for path in PACKAGES - {WATCHES}:
        (docstring,) = ast.parse((ROOT / path).read_text()).body
        assert isinstance(docstring, ast.Expr) and isinstance(docstring.value, ast.Constant), path


def by_hand(text: str) -> list[str]:
    """Return the modules that *text* says to run."""
    return re.findall(r"-m (scripts\.\w+\.\w+)", text)


def folder_of(module: str) -> str:
    """Return the folder below scripts/ in which the dotted *module* lies, "" where it lies in scripts/ itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 and (ROOT / "scripts" / parts[1]).is_dir() else ""


def own_imports(path: Path) -> list[str]:
    """Return the dotted names below scripts/ that the module at *path* may import."""
    names = imported_names(ast.parse(path.read_text()))
    return [name for level, name in names if not level and name.startswith("scripts.")]


def test_stages_import_only_shared_code_and_themselves():
    crossing = set()
    for path in SCRIPTS:
        for module in own_imports(path):
            folder = folder_of(module)
            if folder and folder not in SHARED | {path.parent.name}:
                crossing.add((path.parent.name, folder))
    assert crossing == CROSSINGS


def test_shared_folders_import_only_from_the_floors_below():
    upward = set()
    for path in SCRIPTS:
        for module in own_imports(path):
            folder, own = folder_of(module), path.parent.name
            if own == "scripts" and name(path) != WATCHES:
                assert not folder, f"{name(path)} imports {module}"
            elif own in FLOORS and folder in FLOORS and FLOORS.index(folder) < FLOORS.index(own):
                upward.add((name(path), module))
    assert not upward


def test_no_file_names_a_registry_or_a_place_of_one_machine():
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if match := REGISTRIES.search(line) or PLACES.search(line):
                found.append(f"{name(path)}:{number}: {match[0]}")
    assert not found


def test_programs_are_executable():
    programs = ("envs/build", "envs/lock", "envs/python", "tests/all", "tests/quick", ".ci/run")
    assert not [path for path in programs if not os.access(ROOT / path, os.X_OK)]


@pytest.mark.parametrize("count", [*range(8), 100])
@pytest.mark.parametrize("long", [0, 1, 5, 100])
def test_no_test_is_lost_where_those_that_take_long_start_first(count, long):
    takes = [float(number % 7 + 1 if number < long else 0) for number in range(count)]
    order = dealt(list(range(count)), takes, 3)
    assert sorted(order) == list(range(count))
    if count == 100:
        first = [0, 33, 66]  # of each part
        assert {takes[order[number]] for number in first} == {0: {0.0}, 1: {1.0, 0.0}, 5: {5.0, 4.0, 3.0}}.get(
            long, {7.0}
        )


def requirements(path: Path) -> list[tuple[str, str, str]]:
    """Return (package, version, marker) of each requirement of a lock."""
    found = [REQUIREMENT.match(line) for line in lock_lines(path)]
    return [(match[1].lower(), match[2], match[3] or "") for match in found if match]


@pytest.mark.parametrize("path", LOCKS, ids=[path.stem for path in LOCKS])
def test_lock_has_a_hash_for_each_requirement(path):
    assert path.with_suffix(".in").is_file()
    hashes = 1
    for line in lock_lines(path):
        if line.startswith("--hash=sha256:"):
            hashes += 1
        else:
            assert REQUIREMENT.match(line), line
            assert hashes, f"no hash before {line}"
            hashes = 0
    assert hashes


@pytest.mark.parametrize(("group", "names"), groups(ROOT / "envs").items())
def test_locks_of_a_group_share_one_set_of_versions(group, names):
    shared = defaultdict(set)
    for package, version, _ in requirements(ROOT / "envs" / constraints(group)):
        shared[package].add(version)
    seen = defaultdict(set)
    for path in (ROOT / f"envs/{name}.txt" for name in names):
        for package, version, marker in requirements(path):
            assert version in shared[package], f"{path.name}: {package} {version} is not in {constraints(group)}"
            seen[package, marker].add(version)
    assert not {key: versions for key, versions in seen.items() if len(versions) > 1}


def test_each_environment_has_all_its_files_and_each_group_its_constraints():
    for form in ("in", "yaml"):
        assert {path.stem for path in (ROOT / "envs").glob(f"*.{form}")} == {path.stem for path in LOCKS}
    found = {path.name for path in (ROOT / "envs").glob("constraints*.txt")}
    assert found == {constraints(group) for group in groups(ROOT / "envs")}


def test_each_requirement_has_a_floor_and_each_lock_keeps_it():
    assert not below_floors(ROOT / "envs")


def test_no_module_defines_a_name_twice():
    twice = []
    for path in SCRIPTS:
        names = []
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.append(node.name)
            elif isinstance(node, ast.Assign):
                names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        twice += [f"{name(path)}: {defined}" for defined in sorted({*names}) if names.count(defined) > 1]
    assert not twice
