"""Write into docs/features.md which tests carry which feature marker: envs/python test -m tests.list_features."""

import ast
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/features.md"
ENTRY = re.compile(r"- \*\*([A-Z]\d+)\*\* ")
TESTS = "  - "  # how the line of a test file below an entry begins
WIDTH = 120


def ids_in(tree: ast.AST) -> Iterator[str]:
    """Yield the ids in all `feature(...)` markers below *tree*, which must be written as strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "feature":
            yield from (ast.literal_eval(argument) for argument in node.args)


def markers(path: Path) -> Iterator[tuple[str, str]]:
    """Yield id and test of each marker in a test file: of a decorator, or of `pytestmark` for all of its tests.

    Raises a ValueError where the file has a marker that belongs to no test.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    found = [(one, test.name) for test in tests for decorator in test.decorator_list for one in ids_in(decorator)]
    common = [one for node in assigned if ast.unparse(node.targets[0]) == "pytestmark" for one in ids_in(node)]
    if len(found) + len(common) != len(list(ids_in(tree))):
        raise ValueError(f"{path}: a feature marker that is neither a decorator of a test nor in pytestmark")
    yield from found
    yield from ((one, test.name) for one in common for test in tests)


def marked(folder: Path = ROOT / "tests") -> dict[str, dict[str, list[str]]]:
    """Return for each id the tests that carry it, by file."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.rglob("test_*.py")):
        for one, test in markers(path):
            found[one][path.relative_to(folder.parent).as_posix()].append(test)
    return found


def without_tests(page: str) -> list[str]:
    """Return the lines of *page* less the lists of tests."""
    kept, dropping = [], False
    for line in page.splitlines():
        dropping = line.startswith(TESTS) or (dropping and line.startswith(" " * len(TESTS)))
        if not dropping:
            kept.append(line)
    return kept


def listed(tests: dict[str, list[str]]) -> Iterator[str]:
    """Yield the lines that name the *tests* of one feature, a file each."""
    for path, names in sorted(tests.items()):
        text = f"`{path}`: " + ", ".join(f"`{name}`" for name in dict.fromkeys(names))
        yield from textwrap.wrap(
            text,
            WIDTH,
            initial_indent=TESTS,
            subsequent_indent=" " * len(TESTS),
            break_long_words=False,
            break_on_hyphens=False,
        )


def rewritten(page: str, tests: dict[str, dict[str, list[str]]]) -> str:
    """Return *page* with the *tests* of each feature below its sentence.

    Raises a ValueError where a marker has no entry, or an entry no test.
    """
    lines = without_tests(page)
    entries = [match[1] for line in lines if (match := ENTRY.match(line))]
    problems = [f"{one} is listed twice" for one in sorted(set(entries)) if entries.count(one) > 1]
    problems += [f"{one} has a marker, but no entry" for one in sorted(tests.keys() - set(entries))]
    problems += [f"{one} is listed, but no test has its marker" for one in entries if one not in tests]
    if problems:
        raise ValueError(f"{PAGE.relative_to(ROOT)}: " + "; ".join(problems))
    written, current = [], ""
    for line in [*lines, ""]:
        if current and not line.startswith("  "):  # the sentence has ended
            written += listed(tests[current])
            current = ""
        written.append(line)
        if match := ENTRY.match(line):
            current = match[1]
    return "\n".join(written[:-1]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), marked()), encoding="utf-8")
