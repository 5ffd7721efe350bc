"""An edge list as a side file: read from CSV and Parquet, the measures of its nodes looked up by name, in ONNX too."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.bundle.onnx_builder import Builder, build_model, to_bytes
from scripts.errors import InputError
from scripts.preprocess.lookup_table import load_table
from scripts.preprocess.node_table import node_table, read_csv, read_edges
from scripts.preprocess.registry import load_kind
from tests.features import options
from tests.unit.preprocess.test_feature_kinds import run, texts

EDGES = "source,target,weight\nhub,a,2\nhub,b,1\nb,a,1\nhub,c,1\n7,hub,0.5\n"
OPTIONS = {"roads.csv": {"directed": False, "size": 2, "date": None}}


def table_of(folder, content: str = EDGES, name: str = "roads.csv", **more):
    """Return the table of the nodes of an edge list, and its path."""
    raw = folder / "raw"
    raw.mkdir(exist_ok=True)
    (raw / name).write_text(content)
    node_table(raw, folder / "table.npz", name, {name: OPTIONS["roads.csv"] | more})
    return load_table(folder / "table.npz"), folder / "table.npz"


@pytest.mark.feature("T3")
def test_figures_by_hand(tmp_path):
    table, _ = table_of(tmp_path)
    assert table.names == ["7", "a", "b", "c", "hub"]
    assert table.columns == ["degree", "weight", "rank", "clustering", "core", "vector 1", "vector 2"]
    assert table.values[:, 0].tolist() == [1, 2, 2, 1, 4] and table.values[:, 1].tolist() == [0.5, 3, 2, 1, 4.5]
    assert table.values[:, 3].tolist() == [0, 1, 1, 0, 1 / 6] and table.values[:, 4].tolist() == [1, 2, 2, 1, 2]
    directed, _ = table_of(tmp_path, directed=True, size=0)
    assert directed.columns == ["out degree", "out weight", "in degree", "in weight", "rank", "clustering", "core"]
    assert directed.values[:, :4].tolist()[-1] == [3, 4, 1, 0.5]


def test_order_of_edges_and_format_do_not_matter(tmp_path):
    table_of(tmp_path)
    before = (tmp_path / "table.npz").read_bytes()
    head, *lines = EDGES.splitlines()
    table_of(tmp_path, "\n".join([head, *lines[::-1]]))
    assert (tmp_path / "table.npz").read_bytes() == before
    (tmp_path / "raw/roads.csv").unlink()
    columns = {
        "weight": [1, 1, 1, 2, 0.5],
        "target": ["a", "b", "c", "a", "hub"],
        "source": ["b", "hub", "hub", "hub", "7"],
    }
    pq.write_table(pa.table(columns), tmp_path / "raw/roads.parquet")
    node_table(tmp_path / "raw", tmp_path / "table.npz", "roads.csv", OPTIONS)
    assert (tmp_path / "table.npz").read_bytes() == before


def test_whole_numbers_of_parquet_are_names(tmp_path):
    pq.write_table(pa.table({"source": [1, 2], "target": [2, 30]}), tmp_path / "e.parquet")
    names, edges, weights = read_edges(tmp_path / "e.parquet")
    assert (names, edges.tolist(), weights.tolist()) == (["1", "2", "30"], [[0, 1], [1, 2]], [1, 1])


DATED = "source,target,day\na,b,1994-12-31\nb,c,1995-01-01\nc,d,1995-12-31\nd,e,1996-01-01\n"


@pytest.mark.feature("T3")
@pytest.mark.parametrize(
    ("until", "nodes"), [("1994", "ab"), ("1995", "abcd"), ("1995-06", "abc"), ("1995-01-01", "abc"), ("2001", "abcde")]
)
def test_edges_of_the_future_are_left_out(tmp_path, until, nodes):
    (tmp_path / "roads.csv").write_text(DATED)
    pq.write_table(pa.table(read_csv(tmp_path / "roads.csv")), tmp_path / "roads.parquet")
    for name in ("roads.csv", "roads.parquet"):
        assert "".join(read_edges(tmp_path / name, "day", until)[0]) == nodes
    assert read_edges(tmp_path / "roads.csv")[0] == list("abcde")


@pytest.mark.parametrize(
    ("until", "column", "content", "message"),
    [
        ("all-rows", "day", DATED, "must be named by year, month or day .*, not all-rows"),
        ("1995", "when", DATED, "roads.csv has no column when, which preprocess.edges.roads.csv.date names"),
        ("1995", "day", DATED.replace("1995-12-31", "soon"), "roads.csv, edge 3: a date like .* in day, got soon"),
        ("1995", "day", DATED.replace("1995-12-31", ""), "roads.csv, edge 3: a date like"),
        ("1990", "day", DATED, "roads.csv has no edges until 1990"),
    ],
)
def test_dates_that_cannot_cut_edges(tmp_path, until, column, content, message):
    (tmp_path / "roads.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_edges(tmp_path / "roads.csv", column, until)


@pytest.mark.feature("T3")
def test_nodes_are_looked_up_by_name_and_unknown_ones_marked(tmp_path):
    table, path = table_of(tmp_path)
    own, chosen = load_kind("node"), options("node", edges="roads.csv") | {"table": path}
    train = texts("hub", "a", "nowhere", "")
    fit = own.fit(own.merge([own.summarize(train, None, chosen)]), chosen, lambda: iter([train]))
    names = own.names("c", fit)
    assert names[0] == "c roads degree" and names[-1] == "c roads unknown"
    builder = Builder()
    builder.add("Identity", own.export(builder, "c", fit), output="features")
    content = to_bytes(build_model(builder, {"c": ("text", 1)}, {"features": len(names)}))
    rows = texts("hub", "a", "nowhere", "", "HUB", "7")
    made = run(content, rows)
    assert (made == fit.transform(rows)).all()
    assert made[:, -1].tolist() == [0, 0, 1, 1, 1, 0] and not made[2:5, :-1].any()
    deviation = table.values.std(axis=0)
    assert np.allclose(made[0, :-1], table.values[-1] / deviation) and np.allclose(made[5, 0], 1 / deviation[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("from,to\na,b\n", "roads.csv has no column source; columns source, target"),
        ("source,target\n", "roads.csv has no edges"),
        (
            "source,target,weight\na,b,1\na,,1\n",
            r"roads.csv, edge 2 \(a -> , weight 1\): two names and a positive weight",
        ),
        ("source,target,weight\na,b,-1\n", "edge 1 .*weight -1"),
        ("source,target,weight\na,b,1\na,c,\n", "edge 2 .*weight nan"),
        ("source,target,weight\na,b,heavy\n", "roads.csv: a weight is not a number"),
        ("source,target\na,b,c\n", "roads.csv: "),
        ("", "roads.csv: "),
    ],
)
def test_edge_lists_that_cannot_be_used(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        table_of(tmp_path, content)
