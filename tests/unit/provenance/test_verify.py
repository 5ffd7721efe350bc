"""What `snakemake verify` says of results that have no record."""

import json

from scripts.provenance import verify


def test_results_without_records_are_said_to_be_unverified(tmp_path, capsys):
    assert verify.main(str(tmp_path)) == 0
    assert "has no records, so there is nothing to verify" in capsys.readouterr().out


def test_stage_that_was_removed_is_named(tmp_path, capsys):
    (tmp_path / "train").mkdir()
    gone = tmp_path / "preprocess/graph"
    record = {"inputs": {"graph": {str(gone): "tree:1"}}, "outputs": {}, "folders": {}, "pins": {}}
    (tmp_path / "train/record.json").write_text(json.dumps(record))
    verify.main(str(tmp_path))
    said = capsys.readouterr().out
    assert f"{gone}: has no record, though results were made from it" in said
    assert f"the rest of {tmp_path} is as recorded" in said  # not all of it
