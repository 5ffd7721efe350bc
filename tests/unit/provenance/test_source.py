"""What counts as a change of code, and which modules belong to a script."""

from pathlib import Path

import pytest

from scripts.provenance.source import CodeDigests

BASE = '"""Doc."""\nfrom scripts.help import twice\n\ndef f(x):\n    """Doc."""\n    return twice(x) + 1  # one\n'


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/main.py").write_text(BASE)
    (tmp_path / "scripts/help.py").write_text("from scripts import deep\n\ndef twice(x):\n    return deep.double(x)\n")
    (tmp_path / "scripts/deep.py").write_text("def double(x):\n    return x * 2\n")
    (tmp_path / "scripts/alone.py").write_text("x = 1\n")
    return tmp_path


def digests(root: Path) -> dict[str, str]:
    return CodeDigests(root).closure("scripts/main.py")


def test_closure_is_transitive(root) -> None:
    assert list(digests(root)) == ["scripts/deep.py", "scripts/help.py", "scripts/main.py"]


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("from .deep import double", ["scripts/deep.py"]),
        ("from . import deep", ["scripts/deep.py"]),
        ("from .kit.tool import x", ["scripts/kit/__init__.py", "scripts/kit/tool.py"]),
        ("import scripts.kit.tool", ["scripts/kit/__init__.py", "scripts/kit/tool.py"]),
        ("from scripts.kit import tool", ["scripts/kit/__init__.py", "scripts/kit/tool.py"]),
        ("import scripts.kit", ["scripts/kit/__init__.py"]),
        ("import outside", ["outside.py"]),
        ("from hooks.near import y", ["hooks/near.py"]),
        ("import importlib\nimportlib.import_module('hooks.near')", ["hooks/near.py"]),
        ("m = __import__('scripts.deep')", ["scripts/deep.py"]),
        ("import numpy, json, hooks.nothing", []),
    ],
)
def test_imports_of_all_forms_are_followed(root, line, own) -> None:
    for path in ("scripts/kit/__init__.py", "scripts/kit/tool.py", "outside.py", "hooks/near.py"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("x = y = 1\n")
    (root / "scripts/main.py").write_text(f"{line}\n")
    assert sorted(digests(root)) == sorted([*own, "scripts/main.py"])


def test_relative_imports_start_at_the_package_of_each_module(root) -> None:
    (root / "hooks/inner").mkdir(parents=True)
    (root / "hooks/__init__.py").write_text("")
    (root / "hooks/inner/a.py").write_text("from ..b import x\nfrom .c import y\n")
    (root / "hooks/b.py").write_text("x = 1\n")
    (root / "hooks/inner/c.py").write_text("y = 1\n")
    expected = ["hooks/__init__.py", "hooks/b.py", "hooks/inner/a.py", "hooks/inner/c.py"]
    assert list(CodeDigests(root).closure("scripts/../hooks/inner/a.py")) == expected


@pytest.mark.parametrize(
    "text",
    [
        BASE + "# more\n",
        BASE.replace("Doc", "Other doc"),
        BASE.replace("twice(x) + 1", "(\n        twice(x)\n        + 1\n    )"),
        BASE.replace('    """Doc."""\n', ""),
    ],
)
def test_looks_do_not_count(root, text) -> None:
    before = digests(root)
    (root / "scripts/main.py").write_text(text)
    assert digests(root) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("+ 1", "+ 2"), ("+ 1", "- 1"), ("twice(x)", "twice(y)"), ("def f", "async def f"), ("+ 1", "+ True")],
)
def test_meaning_counts(root, old, new) -> None:
    before = digests(root)
    (root / "scripts/main.py").write_text(BASE.replace(old, new))
    after = digests(root)
    assert {path for path in after if after[path] != before[path]} == {"scripts/main.py"}


def test_cache_changes_nothing(root) -> None:
    code = CodeDigests(root)
    before = code.closure("scripts/main.py")
    code.write_cache()
    assert CodeDigests(root).closure("scripts/main.py") == before
    assert CodeDigests(root).cache
