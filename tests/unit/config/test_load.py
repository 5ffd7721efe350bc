"""What the data schema says about features, before any job runs."""

from pathlib import Path

import pytest

from scripts.config.load import check_data_schema
from scripts.errors import ConfigError, InputError

FEATURES = {"weight": [{"kind": "number"}], "pair": [{"kind": "cross", "columns": ["colour", "end"]}]}


@pytest.mark.feature("U17")
def test_no_feature_reads_what_is_known_after_the_event(tmp_path, monkeypatch):
    root = Path(__file__).parents[3]
    monkeypatch.setattr("scripts.config.load.CACHE", tmp_path / "cache")
    monkeypatch.chdir(root)
    schema = tmp_path / "schema.yaml"
    text = "columns:\n  weight: {type: number, known_at: before}\n  colour: {type: text}\n  end: {type: date%s}\n"
    schema.write_text(text % "")
    check_data_schema(schema, FEATURES)
    schema.write_text(text % ", known_at: after")
    for _ in range(2):  # checked, and from the cache
        with pytest.raises(ConfigError, match=r"preprocess.features.pair: column end is known only after the event"):
            check_data_schema(schema, FEATURES)
    check_data_schema(schema, {"weight": FEATURES["weight"]})
    schema.write_text(text % ", known_at: later")
    with pytest.raises(InputError, match="unallowed value later"):
        check_data_schema(schema, FEATURES)
