"""What the files of model families declare, read without running them: their packages may not be installed."""

import ast
from collections.abc import Iterable
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


def read_family(path: Path) -> dict[str, Any] | None:
    """Return what the family in the file at *path* declares, None if the file is no family: it assigns no FAMILY."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    if "FAMILY" not in assignments(body):
        return None
    values: dict[str, Any] = dict(DEFAULTS)
    for part in body:
        if isinstance(part, ast.ClassDef):
            own = assignments(part.body)
            values |= {name: ast.literal_eval(own[name]) for name in values if name in own}
    return values


def declared_family(name: str) -> dict[str, Any]:
    """Return what the family *name* declares: the keys of DEFAULTS; these themselves if there is no such family.

    Jobs use this rather than declared_families: a file that they read counts as their code.
    """
    path = FOLDER / f"{name}.py"
    return (read_family(path) if path in family_files() else None) or dict(DEFAULTS)


def declared_families() -> dict[str, dict[str, Any]]:
    """Return what each family declares, by name: the keys of DEFAULTS, from literals in the class in its file.

    Raises ValueError if a value is not a literal.
    """
    declared = {path.stem: read_family(path) for path in family_files()}
    return {name: values for name, values in declared.items() if values is not None}


def families_with_types(names: Iterable[str]) -> list[str]:
    """Return which families of *names* keep their model as an estimator: who loads it reads the types in their file."""
    return [name for name in names if declared_family(name)["types"]]
