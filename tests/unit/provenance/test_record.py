"""A record is read whole or not at all."""

import pytest

from scripts.provenance.record import read_record
from scripts.provenance.verify import find_damaged

WHOLE = '{"outputs": {"a": "0"}, "folders": {}, "inputs": {}, "pins": {}, "rule": "x"}'


def test_a_record_is_read(tmp_path):
    (tmp_path / "record.json").write_text(WHOLE)
    assert read_record(tmp_path / "record.json")["outputs"] == {"a": "0"}


@pytest.mark.parametrize("text", ["", "{}", WHOLE[:40], "[]", "5", WHOLE.replace('{"a": "0"}', "null"), "\xff"])
def test_a_damaged_record_is_none_and_verify_names_it(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_bytes(text.encode("latin-1"))
    assert read_record(path) == read_record(tmp_path / "none.json") == {}
    assert list(find_damaged(tmp_path)) == [(str(path), "damaged: it is no record of a job")]
