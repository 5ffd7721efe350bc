"""The parts of a fingerprint: what changes them, what does not, and how differences are named."""

import pytest

from scripts.data.pointer import read_pointer
from scripts.provenance.fingerprint import Change, content_digest, differences, lookup, shell_text

POINTER = "outs:\n- md5: {md5}\n  size: 3\n  hash: md5\n  path: a.csv\n"


def test_lookup_finds_a_value_and_names_a_key_that_is_missing():
    config = {"tune": {"trials": 4, "none": None}}
    assert lookup(config, "tune") == {"trials": 4, "none": None}
    assert lookup(config, "tune.trials") == 4 and lookup(config, "tune.none") is None
    for key in ("tune.trial", "tune.trials.more", "nothing"):
        with pytest.raises(KeyError, match=f"configuration has no key {key}"):
            lookup(config, key)


def test_shell_text_folds_white_space_and_fills_in_the_configuration():
    config = {"case": "birds", "tune": {"b": 1, "a": 2}}
    text = shell_text("run   {input.table}\n  --case {config[case]} {config[tune]} {{x}} {wildcards.span:q}", config)
    assert text == (
        'run {input.table!None:} --case config[case]="birds" config[tune]={"a":2,"b":1} {x} {wildcards.span!None:q}'
    )
    assert shell_text("a {params.job} b", {}) == shell_text("a  {params.job}\n\tb", {})
    assert shell_text("{config[case]}", config) != shell_text("{config[case]}", config | {"case": "tiny"})


def test_digest_of_a_pointer_is_its_md5_alone(tmp_path):
    path = tmp_path / "a.csv.dvc"
    path.write_text(POINTER.format(md5="0a" * 16))
    assert content_digest(str(path)) == "md5:" + "0a" * 16
    path.write_text("# comment\n" + POINTER.format(md5="0a" * 16) + "desc: other\n")
    assert content_digest(str(path)) == "md5:" + "0a" * 16


def test_the_name_that_a_pointer_gives_the_data_counts(tmp_path):
    path = tmp_path / "a.csv.dvc"
    path.write_text(POINTER.format(md5="0a" * 16).replace("a.csv", "a.jsonl"))
    assert content_digest(str(path)) == "md5:" + "0a" * 16 + " as a.jsonl"


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "true"), ("1", "1.0"), ("2020-01-02", "'2020-01-02'"), ("{1: x}", "{'1': x}"), ("no", "'no'")],
)
def test_yaml_values_of_two_types_differ(tmp_path, one, other):
    digests = set()
    for text in (one, other):
        (tmp_path / "a.yaml").write_text(f"key: {text}\n")
        digests.add(content_digest(str(tmp_path / "a.yaml")))
    assert len(digests) == 2


def test_digest_of_yaml_is_by_value(tmp_path):
    digests = []
    for index, text in enumerate(["a: 1\nb: [x, y]\n", "# why\nb:\n  - x\n  - 'y'\na: 1\n", "a: 1\nb: [y, x]\n"]):
        path = tmp_path / f"{index}.yaml"
        path.write_text(text)
        digests.append(content_digest(str(path)))
    assert digests[0] == digests[1] != digests[2] and digests[0].startswith("yaml:")


def test_digest_of_another_file_is_by_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a")
    before = content_digest(str(path))
    path.write_text("a ")
    assert before.startswith("file:") and before != content_digest(str(path))


def test_differences_name_each_leaf():
    before = {"a": 1, "b": {"c": [1], "d": 2}, "gone": {"x": 1}, "same": {"deep": 0}}
    now = {"a": 1, "b": {"c": [1, 2], "d": 3}, "new": "n", "same": {"deep": 0}}
    assert list(differences("config", before, now)) == [
        Change("config", ("b", "c"), [1], [1, 2]),
        Change("config", ("b", "d"), 2, 3),
        Change("config", ("gone",), {"x": 1}, None),
        Change("config", ("new",), None, "n"),
    ]


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ("1", 1)])
def test_values_of_two_types_differ(before, after):
    assert list(differences("config", {"a": before}, {"a": after})) == [Change("config", ("a",), before, after)]


def test_a_missing_key_is_not_null():
    assert list(differences("config", {"a": {}}, {"a": {"b": None}})) == [Change("config", ("a", "b"), None, None)]


def test_order_of_inputs_is_a_change_of_its_own_unless_paths_are_new_or_gone():
    before = {"tables": ["a", "b"], "one": ["c"]}
    swapped = {"tables": ["b", "a"], "one": ["c"]}
    assert list(differences("order", before, swapped)) == [Change("order", ("tables",), ["a", "b"], ["b", "a"])]
    assert list(differences("order", {"tables": ["a"]}, {"tables": ["a", "a"]})) != []
    assert list(differences("order", before, {"tables": ["a"], "two": ["c"]})) == []


def test_no_difference_no_cause():
    value = {"a": {"b": [1, {"c": 2}]}}
    assert list(differences("config", value, {"a": {"b": [1, {"c": 2}]}})) == []
    assert list(differences("shell", "x", "x")) == []


def test_pins_are_said_by_env_and_roots_may_differ():
    assert list(differences("pins", {"numpy": "1"}, {"numpy": "2"})) == []
    assert list(differences("shell", "x", "y")) == [Change("shell", (), "x", "y")]
    assert list(differences("env", None, {"model": "m"})) == [Change("env", (), None, {"model": "m"})]


def test_pointer_gives_path_md5_size_and_origin(tmp_path):
    path = tmp_path / "a.csv.dvc"
    path.write_text(POINTER.format(md5="0123456789abcdef" * 2))
    named = {"path": "a.csv", "md5": "0123456789abcdef" * 2, "size": 3, "origin": None}
    assert read_pointer(path) == named | {"nfiles": None, "retention": None}
    path.write_text(POINTER.format(md5="a" * 32) + "meta:\n  origin:\n    package: p==1\n")
    assert read_pointer(str(path))["origin"] == {"package": "p==1"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just text",
        "[1, 2]",
        "outs: []",
        "outs:\n- path: a\n  md5: b\n",
        "outs:\n- path: a\n  md5: b\n  size: many\n",
        "outs:\n- path: a\n  md5: b\n  size: 1\nmeta: text\n",
    ],
)
def test_malformed_pointer_is_named(tmp_path, text):
    path = tmp_path / "a.csv.dvc"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.csv\.dvc: not a DVC pointer \(outs with path, md5 and size expected\)"):
        read_pointer(path)
