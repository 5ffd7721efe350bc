"""What the files of model families say of themselves, read without running them: their packages may not be at hand."""

import ast
from pathlib import Path
from typing import Any

DEFAULTS = {"tasks": ("classification",), "space": {}, "reason": "", "types": (), "warm": False}
FOLDER = Path(__file__).parents[1] / "families"


def files() -> list[Path]:
    """Return the files of scripts/families."""
    return sorted(FOLDER.glob("*.py"))


def assigned(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Return by name what the statements of *body* assign to single names."""
    return {
        target.id: statement.value
        for statement in body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def families() -> dict[str, dict[str, Any]]:
    """Return the literals (DEFAULTS) of each family by its name, as the class in its file gives them.

    A file of a family assigns FAMILY.
    """
    found = {}
    for path in files():
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if "FAMILY" in assigned(body):
            values: dict[str, Any] = dict(DEFAULTS)
            for part in body:
                if isinstance(part, ast.ClassDef):
                    own = assigned(part.body)
                    values |= {name: ast.literal_eval(own[name]) for name in values if name in own}
            found[path.stem] = values
    return found
