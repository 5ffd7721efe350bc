"""A candidate that cannot answer the log says so; what it answers is in tests/dag/test_retraining.py."""

import json

import pytest

from scripts.errors import InputError
from scripts.feedback.shadow import shadow


@pytest.mark.feature("F11")
def test_pseudonyms_are_not_asked_again(tmp_path):
    (tmp_path / "contract.json").write_text(json.dumps({"columns": {"x": {}, "who": {}}}))
    with pytest.raises(InputError, match=r"pseudonyms of who .*as a shadow"):
        shadow([], [], tmp_path, tmp_path / "blessing.json", tmp_path / "shadow.json", {"pseudonyms": ["who"]})
