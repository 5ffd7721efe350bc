"""What the files of model families declare, read without running them: their packages may not be installed."""

import ast
from pathlib import Path
from typing import Any

DEFAULTS = {"tasks": ("classification",), "space": {}, "reason": "", "types": (), "warm": False}
FOLDER = Path(__file__).parents[1] / "families"


def family_files() -> list[Path]:
    """Return the files of scripts/families."""
    return sorted(FOLDER.glob("*.py"))


def assignments(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Return the expressions that the statements of *body* assign to single names, by name."""
    return {
        target.id: statement.value
        for statement in body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def declared_families() -> dict[str, dict[str, Any]]:
    """Return what each family declares, by name: the keys of DEFAULTS, from literals in the class in its file.

    A file is a family if it assigns FAMILY. Raises ValueError if a value is not a literal.
    """
    declared = {}
    for path in family_files():
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if "FAMILY" in assignments(body):
            values: dict[str, Any] = dict(DEFAULTS)
            for part in body:
                if isinstance(part, ast.ClassDef):
                    own = assignments(part.body)
                    values |= {name: ast.literal_eval(own[name]) for name in values if name in own}
            declared[path.stem] = values
    return declared
