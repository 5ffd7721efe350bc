"""Words that only we used have left the code and the pages, for those of the field."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
PAGES = [
    *(ROOT / name for name in ("Snakefile", "README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "rules").glob("*.smk")),
]
# names that are no names any more, with the word of the field
NAMES = {
    "news": "journal",
    "signs": "heartbeats",
    "board": "trial_states",
    "beside": "side_files",
    "crossed": "check_config",
    "mark": "trigger",
    "marks": "triggers",
    "stamp": "job_spec",
    "observer": "leader",
    "observes": "is_leader",
    "shelf": "model_store",
    "wiring": "rule_functions",
    "settled": "changes_or_mark_fresh",
    "asked": "queries",
    "mistakes": "problems",
    "searched": "check_tune",
    "told": "published",
    "heard": "read",
    "thrive": "are_starting",
    "tend": "top_up",
    "yardstick": "reference_line",
    "lane": "axis",
    "held": "column_types",
    "made": "make_...",
    "treated": "fairness_by_column",
    "drawn": "samples",
    "gone": "dead, disconnected",
    "said": "to_text, output",
    "placed": "to_svg_coordinates",
    "strange": "violations",
    "inward": "to_unit",
    "outward": "from_unit, round_outward",
    "upside": "higher_is_better",
    "BadInput": "InputError",
    "Disorder": "OutOfOrder",
    "Refusal": "HTTPError",
    "Spread": "NumericSummary",
    "Kind": "FeatureKind",
    "Twice": "DuplicateField",
}
TEXT = re.compile(
    r"\bspine\b|\bnews\b|\bsigns? of life\b|\bshelf\b|\bstamps?\b|\bbeside\b|\bcrossed\b|\bobservers?\b|\byardstick\b"
    r"|\b(?:only|just) means\b|\bgoes on from\b|\bhow manieth\b",
    re.IGNORECASE,
)


def names_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each function, class, argument, variable and attribute that a module defines or uses."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.Name(id=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.Attribute(attr=name):
                yield node.lineno, name


def test_no_private_name_is_left_in_the_scripts():
    left = []
    for path in SCRIPTS:
        for line, name in names_of(ast.parse(path.read_text())):
            if name in NAMES:
                left.append(f"{path.relative_to(ROOT)}:{line}: {name}; the word is {NAMES[name]}")
    assert not left


def test_no_private_file_name_is_left():
    assert not [str(path) for path in SCRIPTS if path.stem in NAMES or path.stem in {"spine", "words", "means"}]


def test_no_private_word_is_left_in_texts():
    left = []
    for path in [*SCRIPTS, *PAGES]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := TEXT.search(line):
                left.append(f"{path.relative_to(ROOT)}:{number}: {match[0]}")
    assert not left
