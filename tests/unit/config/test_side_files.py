"""Side files that features name: the path of the pointer, else of the file, else an error that names both."""

import pytest

from scripts.config.side_files import side_files
from scripts.errors import ConfigError

FEATURES = {
    "note": [{"kind": "text"}, {"kind": "vectors", "source": "glove.txt"}, {"kind": "vectors", "source": ""}],
    "town": [{"kind": "node", "edges": "roads.csv"}],
    "speed": [{"kind": "bucket", "edges": [1.0, 2.0]}],
    "end": [{"kind": "node", "edges": "roads.csv"}],
}


@pytest.mark.feature("T3")
def test_files_are_named_by_their_pointers_where_they_have_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"case": "tiny", "preprocess": {"features": FEATURES}}
    (tmp_path / "data/tiny").mkdir(parents=True)
    for name in ("glove.txt.dvc", "glove.txt"):
        (tmp_path / "data/tiny" / name).touch()
    with pytest.raises(
        ConfigError, match=r"neither data/tiny/roads\.csv\.dvc nor data/tiny/roads\.csv, which a feature"
    ):
        side_files(config)
    (tmp_path / "data/tiny/roads.csv").touch()
    found = {"vectors": {"glove.txt": "data/tiny/glove.txt.dvc"}, "node": {"roads.csv": "data/tiny/roads.csv"}}
    assert side_files(config) == found
