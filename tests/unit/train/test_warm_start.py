"""Warm start: training starts from the state of a published bundle, or says why it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.deploy.publish import move_label, publish, staged_bundle
from scripts.errors import InputError
from scripts.families.base import load_family
from scripts.provenance.canonical import read_json, write_json
from scripts.train.train import train
from scripts.train.warm_start import load_warm_start, pack_state
from tests.unit.families.test_families import several, values
from tests.unit.train.test_bundle_proof import LABEL, made

__all__ = ["made"]
WARM = {
    "logistic": {"C": 1.0},
    "mlp": {"units": 8, "layers": 1, "learning_rate": 0.003, "decay": 0.001},
    "xgboost": {"learning_rate": 0.1, "iterations": 5, "depth": 3, "l2": 1, "rows": 0.9},
}
LEAST = {"schema.json": b'{"columns": {}, "custom": []}', "lineage.json": b"{}"}


def trained(folder: Path, name: str, setting: dict, **options) -> Path:
    """Return the folder of the bundle called *name* of the setting, trained in *folder*."""
    write_json(folder / "best.json", setting)
    given = [folder / "train.npz", folder / "eval.npz", [folder / "eval/all"], folder / "graph.onnx"]
    given += [folder / "contract.json", folder / "best.json", folder / name, folder / "serving", "tiny"]
    train(*given, LABEL, 0, 4, 1e-6, **options)
    return folder / name


def published(folder: Path, bundle: Path, version: int) -> None:
    """Publish *bundle* as deploy does, with the label on it."""
    contents = {path.name: path.read_bytes() for path in bundle.iterdir()} | LEAST
    with staged_bundle(folder / "serving", "tiny", version, contents) as root:
        publish(root / "tiny" / str(version), folder / "serving/tiny" / str(version))
    move_label(folder / "serving/tiny", "champion", version)


@pytest.mark.slow
@pytest.mark.feature("H2")
@pytest.mark.parametrize("family", WARM)
def test_training_goes_on_from_a_version_or_label(made, family):
    setting = {"family": family, "params": WARM[family]}
    cold = trained(made, "cold", setting)
    assert "warm_start" not in read_json(cold / "contract.json")
    published(made, cold, 1)
    warm = trained(made, "warm", setting, warm_start="1")
    by_label = trained(made, "label", setting, warm_start="champion")
    contract = read_json(warm / "contract.json")
    assert contract["warm_start"] == read_json(by_label / "contract.json")["warm_start"]
    assert contract["warm_start"]["version"] == 1 and len(contract["warm_start"]["bundle"]) == 64
    assert (warm / "model.onnx").read_bytes() == (by_label / "model.onnx").read_bytes()
    if family != "logistic":  # which has found its only best parameters before
        assert (warm / "model.onnx").read_bytes() != (cold / "model.onnx").read_bytes()


def refused(folder: Path, why: str, setting: dict, named: str) -> None:
    with pytest.raises(InputError, match=why):
        trained(folder, "none", setting, warm_start=named)
    assert not (folder / "none").exists()


@pytest.mark.slow
@pytest.mark.feature("H2", "T11")
def test_rows_that_an_earlier_version_has_seen_measure_no_new_one(made):
    setting = {"family": "mlp", "params": WARM["mlp"]}
    first = {"trained": ["2001/all", "2002/all"], "chosen": ["2003/all"]}
    published(made, trained(made, "first", setting, **first), 1)
    again = trained(made, "again", setting, **first, tested=["2004/all"], warm_start="1")  # the same windows once more
    assert len(read_json(again / "contract.json")["seen"]) == 2
    later = {"trained": ["2003/all"], "chosen": ["2004/all"], "tested": ["2005/all"]}
    published(made, trained(made, "next", setting, **later, warm_start="1"), 2)
    seen = read_json(made / "next/contract.json")["seen"]
    assert [part["trained"] for part in seen] == [["2003/all"], ["2001/all", "2002/all"]]
    for chosen, tested, found in (
        ("2005", "2004", "2004"),  # version 2 was chosen on it
        ("2005", "2001", "2001"),  # the version that it started from was trained on it
        ("2002", "2006", "2002"),
    ):
        rows = {"trained": ["2009/all"], "chosen": [f"{chosen}/all"], "tested": [f"{tested}/all"]}
        with pytest.raises(InputError, match=rf"version 2 was trained or chosen on {found}/all, on which"):
            trained(made, "none", setting, **rows, warm_start="2")
    published(made, trained(made, "old", setting), 3)
    with pytest.raises(InputError, match="version 3 does not say which rows it has seen"):
        trained(made, "none", setting, **later, warm_start="3")


@pytest.mark.slow
@pytest.mark.feature("H2", "T11")
def test_what_cannot_be_gone_on_from_is_named(made):
    setting = {"family": "logistic", "params": WARM["logistic"]}
    refused(made, "no label champion in .*; there are none", setting, "champion")
    refused(made, r"version 3 is not published in .*; there are none", setting, "3")
    bundle = trained(made, "cold", setting)
    published(made, bundle, 1)
    refused(made, r"version 3 is not published in .*; there are 1", setting, "3")
    refused(made, "version 1 is logistic, from which mlp cannot start", {"family": "mlp", "params": WARM["mlp"]}, "1")
    published(made, trained(made, "network", {"family": "mlp", "params": WARM["mlp"]}), 2)
    other = {"family": "mlp", "params": WARM["mlp"] | {"units": 9}}
    refused(made, "the earlier network has other layers", other, "2")
    contract = read_json(bundle / "contract.json")
    write_json(bundle / "contract.json", contract | {"graph": "f" * 64})
    published(made, bundle, 3)
    refused(made, "version 3 was made with the graph ffffffffffff, now it is ", setting, "3")
    write_json(bundle / "contract.json", contract | {"classes": ["no", "never"]})
    published(made, bundle, 4)
    refused(made, "version 4 was trained on other classes", setting, "4")
    (made / "serving/tiny/1/state.npz").write_bytes(b"rotten")
    refused(made, "state.npz does not match", setting, "1")


@pytest.mark.slow
@pytest.mark.parametrize("classes", [0, 2, 4])
@pytest.mark.parametrize("family", WARM)
def test_a_few_more_rounds_start_where_the_earlier_ones_ended(family, classes, tmp_path):
    if family == "logistic" and not classes:
        return
    own, task = load_family(family), "classification" if classes else "regression"
    x, y = several(0, classes) if classes else values(0)
    fitted = own.fit(x, y, WARM[family], 0, task, "cpu")
    described = {"graph": "g", "task": task, "classes": [*map(str, range(classes))], "family": family}
    content = {"contract.json": json.dumps(described).encode(), "golden.json": b"", "model.onnx": b""}
    (tmp_path / "x").mkdir()
    content |= {"state.npz": pack_state(own.state(fitted), y)} | LEAST
    with staged_bundle(tmp_path, "x", 1, content) as root:
        publish(root / "x/1", tmp_path / "x/1")
    state = load_warm_start(tmp_path / "x", "1", described, family, y)[1]
    more = own.resume(x, y, WARM[family], 0, task, "cpu", state)
    before, after = own.score(fitted, x, classes), own.score(more, x, classes)
    if not classes:
        assert ((after[:, 0] - y) ** 2).mean() <= ((before[:, 0] - y) ** 2).mean() * 1.05
        return
    rows = np.arange(len(y))
    assert np.log(after[rows, y]).mean() >= np.log(before[rows, y]).mean() - 0.05
    if family == "xgboost":
        assert len(more.trees) == 2 * len(fitted.trees)
