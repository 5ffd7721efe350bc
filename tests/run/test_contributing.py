"""The model family in CONTRIBUTING.md, copied from the text, carries a case through the whole life cycle."""

import json
import re
from pathlib import Path

import pytest

from tests import tiny
from tests.workflow import ROOT, clone, deploy, snakemake


@pytest.mark.timeout(600)
@pytest.mark.feature("H1", "A12")
def test_a_family_of_ones_own_is_a_file(tmp_path: Path, warmed) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    (code,) = [block for block in blocks if "FAMILY = " in block]
    checkout = clone(tmp_path / "clone")
    tiny.make(checkout)
    path = checkout / "config/cases/tiny.yaml"
    path.write_text(path.read_text().replace("logistic:\n      C: {loguniform: [0.1, 10]}", "centroid: {}"))
    refused = snakemake(checkout, "-n")
    assert (
        refused.returncode
        and "tune.families.centroid: no such family in scripts/families" in refused.stdout + refused.stderr
    )
    (checkout / "scripts/families/centroid.py").write_text(code)
    assert "deploy" in deploy(checkout)
    contract = json.loads((checkout / "serving/tiny/1/contract.json").read_text())
    assert contract["family"] == "centroid" and 0.1 <= contract["params"]["sharpness"] <= 10
    (checkout / "scripts/families/centroid.py").write_text(code.replace("[0.1, 10]", "[0.2, 5]"))
    assert {"tune", "train"} <= deploy(checkout)
