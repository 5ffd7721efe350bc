"""The case that the configuration names has a file; if not, one sentence says what there is."""

import pytest

from scripts.config.cases import locate_case
from scripts.errors import ConfigError


@pytest.fixture(autouse=True)
def cases(tmp_path, monkeypatch):
    (tmp_path / "config/cases").mkdir(parents=True)
    for name in ("birds", "adult"):
        (tmp_path / f"config/cases/{name}.yaml").touch()
    (tmp_path / "config/secret.yaml").touch()
    monkeypatch.chdir(tmp_path)


def test_file_of_a_case():
    assert locate_case({"case": "birds"}) == "config/cases/birds.yaml"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("brids", "there is no case brids .config/cases/brids.yaml is missing.; did you mean birds.$"),
        ("parcels", "there are: adult, birds$"),
        ("../secret", "must be the name of a file in config/cases, without .yaml: got '../secret'$"),
        ("birds.yaml", "without .yaml"),
        (2024, "got 2024$"),
        (None, "got None$"),
        ("", "got ''$"),
    ],
)
def test_case_without_a_file(case, said):
    with pytest.raises(ConfigError, match=said):
        locate_case({"case": case})
