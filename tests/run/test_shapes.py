"""Cases of other shapes deploy by configuration alone."""

import json
from pathlib import Path

import pytest

from tests import shapes
from tests.workflow import clone, deploy


@pytest.mark.timeout(600)
@pytest.mark.feature("I1", "I2", "B5")
@pytest.mark.parametrize("name", shapes.SHAPES)
def test_shape(name: str, tmp_path: Path) -> None:
    checkout = clone(tmp_path / "clone")
    shapes.make(checkout, name, 1500)
    assert "deploy" in deploy(checkout, "--config", f"case={name}")
    counts = json.loads((checkout / f"results/{name}/ingest/all-rows/counts.json").read_text())
    assert (counts["read"], counts["kept"], counts["quarantined"]) == (1500, 1500, 0)
    assert all(counts["splits"][split] > 150 for split in ("train", "eval", "test"))
    assert (checkout / f"serving/{name}/1/model.onnx").exists()
