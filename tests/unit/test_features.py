"""docs/features.md and the feature markers of the tests agree, in both directions."""

from pathlib import Path

import pytest

from tests.list_features import PAGE, marked, markers, rewritten, without_tests

ANEW = "write it anew: envs/python test -m tests.list_features"
ENTRIES = "# Features\n\n- **A1** A sentence that\n  goes on.\n- **B2** Another one.\n\nThe end.\n"
LISTED = """\
# Features

- **A1** A sentence that
  goes on.
  - `tests/test_x.py`: `test_a`, `test_b`
- **B2** Another one.
  - `tests/test_x.py`: `test_b`
  - `tests/test_y.py`: `test_c`

The end.
"""
TESTS = {"A1": {"tests/test_x.py": ["test_a", "test_b"]}, "B2": {"tests/test_y.py": ["test_c"]}}
TESTS["B2"]["tests/test_x.py"] = ["test_b"]


def test_page_names_the_tests_that_carry_each_marker():
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewritten(page, marked()), ANEW


def test_lists_are_written_below_the_sentences_and_anew():
    assert rewritten(ENTRIES, TESTS) == LISTED == rewritten(LISTED, TESTS)
    assert "\n".join(without_tests(LISTED)) + "\n" == ENTRIES
    fewer = TESTS | {"B2": {"tests/test_y.py": ["test_c"]}}
    assert rewritten(LISTED, fewer) == LISTED.replace(
        "- **B2** Another one.\n  - `tests/test_x.py`: `test_b`\n", "- **B2** Another one.\n"
    )


def test_long_lists_are_wrapped():
    names = [f"test_{number:030}" for number in range(9)]
    page = rewritten("- **A1** One.\n", {"A1": {"tests/test_x.py": names}})
    assert max(map(len, page.splitlines())) <= 120 and page.count("test_0") == 9
    assert (
        rewritten(page, {"A1": {"tests/test_x.py": ["test_a"]}}) == "- **A1** One.\n  - `tests/test_x.py`: `test_a`\n"
    )


@pytest.mark.parametrize(
    ("page", "tests", "problem"),
    [
        (ENTRIES, TESTS | {"C3": {"tests/test_x.py": ["test_a"]}}, "C3 has a marker, but no entry"),
        (ENTRIES, {"A1": TESTS["A1"]}, "B2 is listed, but no test has its marker"),
        (ENTRIES.replace("B2", "A1"), {"A1": TESTS["A1"]}, "A1 is listed twice"),
    ],
)
def test_disagreement_is_named(page, tests, problem):
    with pytest.raises(ValueError, match=problem):
        rewritten(page, tests)


def test_markers_are_those_of_decorators_and_of_the_module(tmp_path: Path) -> None:
    path = tmp_path / "tests/test_x.py"
    path.parent.mkdir()
    path.write_text(
        'pytestmark = [pytest.mark.slow, pytest.mark.feature("M1")]\n\n'
        '@pytest.mark.feature("A1", "A2")\n@pytest.mark.slow\ndef test_a():\n    pass\n\n\ndef test_b():\n    pass\n'
    )
    file = "tests/test_x.py"
    expected = {"A1": {file: ["test_a"]}, "A2": {file: ["test_a"]}, "M1": {file: ["test_a", "test_b"]}}
    assert marked(path.parent) == expected
    path.write_text('@pytest.mark.feature("A1")\ndef helper():\n    pass\n')
    with pytest.raises(ValueError, match="neither a decorator of a test nor in pytestmark"):
        list(markers(path))
