"""Approvals: exactly the bundle that a person has looked at is published, and the lineage says who did."""

import json
import re
from pathlib import Path

import pytest

from scripts.deploy.approval import find_approval, load_approvals
from scripts.deploy.deploy import deploy
from scripts.errors import InputError
from tests.unit.deploy.test_deploy import stage

pytestmark = pytest.mark.feature("S11")
DIGEST = "ab" * 32
APPROVED = {"by": "A. Person", "date": "2026-11-27", "seen": "report and slices"}


def approvals(folder: Path, text: str) -> Path:
    """Write approvals.yaml and return its path."""
    (folder / "approvals.yaml").write_text(text)
    return folder / "approvals.yaml"


def line(digest: str = DIGEST, by: str = "A. Person", date: str = "2026-11-27", seen: str = "report and slices") -> str:
    """Return an approval as it is written."""
    return f"- {{digest: '{digest}', by: {by}, date: {date}, seen: {seen}}}\n"


def test_an_approval_is_found_by_the_digest(tmp_path):
    path = approvals(tmp_path, line("cd" * 32, by="B") + line())
    assert find_approval("birds", DIGEST, [path]) == APPROVED


@pytest.mark.parametrize("text", [None, "", "[]", line("cd" * 32)])
def test_without_one_the_message_says_what_to_write(tmp_path, text):
    files = [] if text is None else [approvals(tmp_path, text)]
    with pytest.raises(InputError) as refused:
        find_approval("birds", DIGEST, files)
    assert "approvals/birds.yaml" in str(refused.value)
    written = str(refused.value).split("`")[1].replace("YYYY-MM-DD", "2026-11-27")
    assert find_approval("birds", DIGEST, [approvals(tmp_path, written + "\n")])["by"] == "your name"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{bundle: x}", "a list of approvals was expected"),
        ("- [", "not YAML: line "),
        ("- {code: NEW_VALUES, column: a, span: b, reason: c, owner: d, expires: 2027-01-01}", "was expected, got"),
        (line(date="yesterday"), "date must be a day"),
        (line(by="''"), "by must be a text"),
        (line(seen="5"), "seen must be a text"),
        (line("abc"), "digest must be a SHA-256"),
        (line(date="2026-02-30"), "day is out of range"),
    ],
)
def test_what_is_malformed_is_refused(tmp_path, text, told):
    with pytest.raises(InputError) as refused:
        load_approvals(approvals(tmp_path, text))
    assert told in str(refused.value) and str(tmp_path / "approvals.yaml") in str(refused.value)


def find_digest(refused) -> str:
    """Return the digest that the message of a refusal says to approve."""
    return re.search("digest: '([0-9a-f]{64})'", str(refused.value))[1]


@pytest.mark.slow
def test_nothing_is_published_before_it_is_approved(tmp_path):
    given = stage(tmp_path, approval="required")
    with pytest.raises(InputError, match="nobody has approved this model") as refused:
        deploy(**given)
    assert not given["serving"].exists()
    given["approvals"] = [approvals(tmp_path, line(find_digest(refused)))]
    files = deploy(**given)
    lineage = json.loads(next(path for path in files if path.name == "lineage.json").read_text())
    assert lineage == {"p": 0.1, "approval": APPROVED}
    digests = {find_digest(refused)}
    conformal = {"rows": 40, "quantiles": {"90": 0.4}}
    for changed in (
        {"granted": {"threshold": 0.5}},  # the model is the same, but it would decide otherwise
        {"granted": {"conformal": conformal}},
        {"granted": {"conformal": conformal | {"quantiles": {"90": 0.3}}}},
        {"counterfactual": ["height"]},
        {"schema": {"columns": {"height": {"type": "number", "max": 5}}}},
        {"bias": 1.0, "number": 2},
    ):
        with pytest.raises(InputError, match="nobody has approved") as refused:
            deploy(**stage(tmp_path, approval="required", approvals=given["approvals"], **changed))
        digests.add(find_digest(refused))
    assert len(digests) == 7
    assert json.loads((given["serving"] / "birds/labels.json").read_text()) == {"champion": 1}
