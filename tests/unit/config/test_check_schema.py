"""The configuration: defaults, coercion, and a line for each wrong key that says what is allowed."""

import datetime
import json
import shutil
from pathlib import Path

import pytest
import yaml

from scripts.config import load as remembered
from scripts.config.check_schema import flatten_errors, load_yaml, validate_config, value_at
from scripts.config.checks import check_features, check_label
from scripts.errors import ConfigError
from tests.tiny import CASE
from tests.workflow import ROOT

SCHEMA = load_yaml(ROOT / "config/schema.yaml")
KINDS = load_yaml(ROOT / "config/kinds.yaml")
GONE = object()
INT = "integer"


def config(**changes) -> dict:
    """Return the tiny case with *changes*, whose names have __ for dots; GONE removes a key."""
    made = yaml.safe_load(CASE) | {"case": "tiny"}
    for name, value in changes.items():
        *parts, last = name.split("__")
        inner = made
        for part in parts:
            inner = inner.setdefault(part, {})
        if value is GONE:
            del inner[last]
        else:
            inner[last] = value
    return made


def refused(**changes) -> str:
    """Return the error of the changed configuration without its first line."""
    with pytest.raises(ConfigError) as error:
        validate_config(config(**changes), SCHEMA)
    first, _, rest = str(error.value).partition("\n")
    assert first == "the configuration cannot be used:"
    return rest


def test_defaults_complete_and_do_not_override():
    full = validate_config(config(), SCHEMA)
    assert full["ingest"]["separator"] == "," and full["ingest"]["null_values"] == [""]
    assert full["ingest"]["max_quarantined"] == 0.1  # from the case
    assert full["preprocess"]["min_count"] == 10 and full["preprocess"]["terms"] == 20
    assert full["tune"]["algorithm"] == "mix" and full["tune"]["trials"] == 4
    batching = {"rows": 0, "delay_ms": 0, "queue": 10000, "onnx": False}
    assert full["serve"] == {
        "port": 8080,
        "grpc_port": None,
        "poll_seconds": 1,
        "verify_key": None,
        "versions": {"latest": None, "only": [], "unload_first": False},
        "batching": batching,
    }
    assert full["export"] == {"storage_uri": None, "int8": None}
    assert full["deploy"]["label"] == "champion"


def test_checking_does_not_change_what_it_is_given_and_twice_is_once():
    given = config()
    before = json.dumps(given)
    full = validate_config(given, SCHEMA)
    assert json.dumps(given) == before
    assert validate_config(full, SCHEMA) == full


def test_text_from_a_command_line_becomes_typed():
    full = validate_config(
        config(tune__trials="7", windows__train=[2001, "2002"], ingest__max_quarantined="0.25"), SCHEMA
    )
    assert full["tune"]["trials"] == 7 and isinstance(full["tune"]["trials"], int)
    assert full["windows"]["train"] == ["2001", "2002"]
    assert full["ingest"]["max_quarantined"] == 0.25
    assert validate_config(config(tune__trials=8.0), SCHEMA)["tune"]["trials"] == 8


@pytest.mark.parametrize("value", [2.5, True, "many", [4], 0, -1, "2.5"])
def test_number_of_trials_must_be_a_positive_whole_number(value):
    line = refused(tune__trials=value)
    assert line.startswith("  tune.trials: ") and f"got {value!r}" in line and "How many settings to try." in line


def test_every_wrong_key_has_a_line():
    lines = refused(tune__trials="x", analyze__bootstrap=1, windows__eval=GONE, colour=3, preprocess__term=4).split(
        "\n"
    )
    assert [line.split(":")[0].strip() for line in lines] == [
        "analyze.bootstrap",
        "colour",
        "preprocess.term",
        "tune.trials",
        "windows.eval",
    ]
    assert lines[0] == (
        "  analyze.bootstrap: min value is 10; got 1; expected type integer, min 10 "
        "(Bootstrap samples behind each confidence interval (95 %).)"
    )
    assert lines[1].startswith("  colour: unknown field; got 3; expected keys analyze, case, ")
    assert lines[2] == "  preprocess.term: unknown field; got 4; expected keys edges, features, label, min_count, terms"
    assert lines[4].startswith("  windows.eval: required field; expected type ['list', 'dict'] (Spans of the")


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"case": "Birds"}, "case", "does not match regex"),
        ({"case": 5}, "case", "must be of string type; got 5"),
        ({"windows__train": []}, "windows.train", "min length is 1; got []"),
        ({"windows__test": ["a/b"]}, "windows", "test: span 'a/b' does not match regex"),
        ({"windows__test": {"first": 3}}, "windows", "test: expected a list of spans or some of last, skip, "),
        ({"windows__test": {"last": "x"}}, "windows", "cannot be coerced: invalid literal for int"),
        ({"windows__all": ["2001"]}, "windows", "'all' cannot be the name of a split"),
        ({"ingest__separator": ";;"}, "ingest.separator", "does not match regex"),
        ({"ingest__columns__id": "numbr"}, "ingest.columns.id", "got 'numbr'"),
        ({"preprocess__features": {"weight": "nr"}}, "preprocess.features.weight", "unallowed value nr"),
        ({"tune__families": None}, "tune.families", "null value not allowed"),
        ({"tune__algorithm": "grid"}, "tune.algorithm", "expected type string, allowed ['mix', 'joint', "),
        ({"analyze__gate": {"roc": {"min": 1}}}, "analyze.gate.roc", "unallowed value roc"),
        ({"analyze__gate": {"roc_auc": {}}}, "analyze.gate.roc_auc", "min length is 1"),
        ({"feedback__max_drift": 1.5}, "feedback.max_drift", "max value is 1"),
        ({"serve__grpc_port": "rpc"}, "serve.grpc_port", "must be of integer type"),
        ({"serve__port": 70000}, "serve.port", "max value is 65535"),
    ],
)
def test_wrong_value_is_named_with_what_is_allowed(changes, key, text):
    line = refused(**changes)
    assert line.startswith(f"  {key}: ") and text in line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"tune__families": {"woods": {}}},
            "tune.families.woods: no such family in scripts/families; there are bayes, ",
        ),
        (
            {"tune__families": {"logistic": {"c": {"choice": [1]}}}},
            "tune.families.logistic.c: no hyperparameter of logistic, which has C",
        ),
        (
            {"tune__families": {"logistic": {"C": {"loguniform": [0, 1]}}}},
            "tune.families.logistic.C: loguniform takes [lo",
        ),
        ({"tune__families": {"logistic": {"C": {"uniform": [2, 1]}}}}, "uniform takes [low, high], got [2, 1]"),
        ({"tune__families": {"logistic": {"C": {"quniform": [1, 2]}}}}, "quniform takes [low, high, step], got [1, 2]"),
        ({"tune__families": {"logistic": {"C": {"normal": [1, 0]}}}}, "normal takes [mean, standard deviation], got"),
        ({"tune__families": {"logistic": {"C": {"randint": [4, 2]}}}}, "randint takes [end] or [first, end], got"),
        ({"tune__families": {"logistic": {"C": {"quniform": [1, 3, 4]}}}}, "no multiple of the step lies between"),
        ({"tune__families": {"logistic": {"C": {"uniformint": [0, 1.5]}}}}, "uniformint takes [low, high], got"),
        ({"tune__families": {"logistic": {"C": {"uniform": ["a", 1]}}}}, "uniform takes [low, high], got ['a', 1]"),
        (
            {"tune__families": {"logistic": {"C": {"choice": [{"a": 1}]}}}},
            "an option with hyperparameters is {option: ",
        ),
        (
            {"tune__families": {"logistic": {"C": {"choice": [{"a": {"b": 1}}]}}}},
            "logistic.C.b: expected one of choice, randint",
        ),
        (
            {"tune__families": {"logistic": {"C": {"choice": [{"a": {"b": {"uniform": [1, 0]}}}]}}}},
            "C.b: uniform takes",
        ),
        ({"tune__folds": 1}, "tune.folds: one fold leaves nothing to fit on"),
        ({"tune__halving": {"rungs": 3}}, "tune.trials: successive halving needs 13 trials until one has the whole"),
        (
            {"tune__halving": {"rungs": 2, "resource": "iterations"}},
            "tune.halving.resource: logistic has no hyperparameter iterations",
        ),
        (
            {"tune__points_to_evaluate": [{"family": "boosting", "params": {}}]},
            "tune.points_to_evaluate.0: no family boosting in tune.families",
        ),
        ({"tune__reuse": "{nowhere}.json"}, "tune.reuse: a file without braces in its name"),
        ({"tune__reuse": "--nowhere.json"}, "tune.reuse: a file without braces in its name, or - at its start"),
        ({"tune__reuse": "nowhere.json"}, "tune.reuse: no such file; got 'nowhere.json'"),
        (
            {"train": {"challengers": {"other": "svm"}}},
            "train.challengers.other: the sweep does not search svm; add it to",
        ),
        ({"train": {"challengers": {"champion": "logistic"}}}, "train.challengers.champion: that is deploy.label"),
        (
            {"train": {"challengers": {"other": "logistic"}, "warm_start": 2}},
            "train.challengers: train.warm_start starts from one family alone",
        ),
        (
            {"preprocess__label__classes": None},
            "preprocess.label.column: without classes it is a regression target, "
            "which needs a column of type number or integer",
        ),
        ({"tune__families": {"linear": {}}}, "tune.families.linear: not for classification; choose from bayes, "),
        (
            {"train": {"warm_start": 2}, "tune__families": {"bayes": {}}},
            "train.warm_start: bayes does not support a warm start; logistic, mlp, xgboost do",
        ),
        ({"tune__metric": "rmse"}, "tune.metric: not for classification; rmse, mae, r2 are for regression"),
        ({"preprocess__features__size": "number"}, "preprocess.features.size: no such column in ingest.columns"),
        ({"preprocess__features__note": "number"}, "preprocess.features.note: a number feature needs a column of type"),
        ({"preprocess__features__weight": "text"}, "preprocess.features.weight: a text feature needs a column of type"),
        ({"preprocess__features__note": "season"}, "preprocess.features.note: a season feature needs a column of type"),
        ({"preprocess__label__column": "lat"}, "preprocess.label.column: no such column in ingest.columns"),
        ({"preprocess__features__late": "category"}, "preprocess.features.late: the label cannot be a feature"),
        ({"ingest__window": {"columns": ["weight"]}}, "ingest.window: order is not a column of ingest.columns"),
        ({"ingest__window": {"columns": ["x"], "order": "id"}}, "ingest.window: x is not a column of ingest.columns"),
        ({"version__key": ["nr"]}, "version.key: nr is not a column of ingest.columns"),
        (
            {
                "ingest__window": {"columns": ["weight"], "order": "id", "key": ["colour"]},
                "ingest__split": {"buckets": {"train": 2}},
            },
            "ingest.split: the lags of ingest.window would bring rows, and labels, of one split into another; divide "
            "whole series: key: [colour]",
        ),
        (
            {
                "ingest__window": {"columns": ["weight"], "order": "id"},
                "ingest__split": {"buckets": {"train": 2}, "key": ["id"]},
            },
            "divide whole series: with a single series, only spans can be",
        ),
        ({"ingest__split": {"buckets": {"trian": 2}}}, "ingest.split.buckets.trian: no such split in windows"),
        ({"ingest__split": {"column": "late"}}, "ingest.split: either buckets (and key), or column and values"),
        (
            {"ingest__split": {"column": "late", "values": {"train": ["a"], "test": ["b", "a"], "eval": ["a"]}}},
            "ingest.split.values: a belongs to several splits, train, test, eval; leave it in one of them",
        ),
        (
            {"ingest__split": {"column": "id", "values": {"train": [1, 2], "test": ["01.0"]}}},
            "ingest.split.values: 1 belongs to several splits, train, test; leave it in one of them",
        ),
        (
            {
                "ingest__split": {"column": "late", "values": {"train": ["yes"], "test": [True]}},
                "ingest__columns__late": "boolean",
            },
            "ingest.split.values: true belongs to several splits, train, test; leave it in one of them",
        ),
        (
            {"ingest__filter": [{"column": "id", "min": float("nan"), "reason": "x"}]},
            "ingest.filter.0.min: not a finite",
        ),
        ({"tune__families": {"logistic": {"C": {"choice": [float("inf")]}}}}, "C.choice.0: not a finite number"),
        ({"claims": [{"id": "a", "source": "b", "value": 1, "tolerance": float("inf")}]}, "claims.0.tolerance: not a"),
        (
            {
                "preprocess__label__classes": {"no": ["0"], "yes": ["01"], "so": ["2", "*"]},
                "ingest__columns__late": INT,
            },
            "classes.yes: no value of late, a column of type integer, is written '01': write '1'",
        ),
        (
            {"preprocess__label__classes": {"no": ["1.0"], "yes": ["*"]}, "ingest__columns__late": INT},
            "classes.no: no value of late, a column of type integer, is written '1.0': write '1'",
        ),
        (
            {"preprocess__label__classes": {"no": ["1.50"], "yes": ["*"]}, "ingest__columns__late": "number"},
            "classes.no: no value of late, a column of type number, is written '1.50': write '1.5'",
        ),
        (
            {"preprocess__label__classes": {"no": ["no"], "yes": ["Yes"]}, "ingest__columns__late": "boolean"},
            "classes.yes: no value of late, a column of type boolean, is written 'Yes': write 'true'",
        ),
        ({"preprocess__label__positive": "maybe"}, "preprocess.label.positive: not one of the classes no, yes"),
        (
            {"preprocess__label__classes": {"no": ["n"], "yes": ["y"], "so": ["*"]}},
            "preprocess.label.positive: only for two classes, there are 3; leave it out",
        ),
    ],
)
def test_keys_must_fit_each_other(changes, line):
    assert line in refused(**changes)


@pytest.mark.parametrize("key", ["title", "windows", "ingest__columns", "preprocess__label", "tune__families"])
def test_required_key_is_missed(key):
    assert f"  {key.replace('__', '.')}: required field" in refused(**{key: GONE})


def test_sections_that_are_all_default_may_be_left_out_but_not_be_nonsense():
    assert validate_config(config(deploy=GONE), SCHEMA)["deploy"]["max_size_mb"] == 100
    assert "deploy: must be of dict type; got 'x'" in refused(deploy="x")


@pytest.mark.parametrize("classes", [{0: ["no"], 1: ["yes"]}, {False: ["no"], True: ["yes"]}])
def test_class_names_that_yaml_reads_as_no_text_are_refused(classes):
    assert "preprocess.label.classes" in refused(preprocess__label__classes=classes)


def test_two_classes_need_a_positive_one_and_more_need_none():
    assert "preprocess.label.positive: not one of the classes no, yes" in refused(preprocess__label__positive=GONE)
    label = {"column": "late", "classes": {"no": ["n"], "yes": ["y"], "so": ["*"]}}
    assert validate_config(config(preprocess__label=label), SCHEMA)["preprocess"]["label"] == label | {
        "positive": None,
        "unknown": "drop",
    }


@pytest.mark.parametrize(
    ("listed", "classes"),
    [
        (["a", "b", "c"], {"a": ["a"], "b": ["b"], "c": ["c"]}),
        ([1, 2.0, 3], {"1": ["1"], "2": ["2"], "3": ["3"]}),
        (
            {"few": [1, 2], "many": ["*", None], "all": [True]},
            {"few": ["1", "2"], "many": ["*", None], "all": ["true"]},
        ),
    ],
)
def test_classes_become_a_map_of_texts(listed, classes):
    given = config(preprocess__label={"column": "late", "classes": listed}, ingest__columns__late="integer")
    full = validate_config(given, SCHEMA)
    assert full["preprocess"]["label"]["classes"] == classes and validate_config(full, SCHEMA) == full
    flags = {"preprocess__label__classes": [True, False], "preprocess__label__positive": "true"}
    both = validate_config(config(**flags, ingest__columns__late="boolean"), SCHEMA)
    assert both["preprocess"]["label"]["classes"] == {"true": ["true"], "false": ["false"]}


@pytest.mark.parametrize("classes", [["a"], ["a", None], ["a", "a", "b"], ["a", ["b"]], "ab", 5])
def test_lists_that_name_no_classes_are_refused(classes):
    assert "preprocess.label.classes" in refused(preprocess__label={"column": "late", "classes": classes})


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ("number", ["number", "integer", "boolean"]),
        ("category", ["text", "integer", "boolean"]),
        ("text", ["text"]),
        ("season", ["date:%Y", "time:%Y"]),
    ],
)
def test_kinds_of_feature_take_their_types_of_column(kind, types):
    assert KINDS[kind]["types"] == [type_.split(":")[0] for type_ in types]
    columns = {"x": "text", "label": "text"}
    for type_ in ("number", "integer", "boolean", "text", "date:%Y", "time:%Y"):
        assert bool(check_features({"x": [{"kind": kind}]}, columns | {"x": type_}, KINDS)) == (type_ not in types)


@pytest.mark.feature("T4")
@pytest.mark.parametrize(
    ("features", "why"),
    [
        ({"weight": {"kind": "number", "scale": "big"}}, "preprocess.features.weight.scale: unallowed value big"),
        (
            {"weight": {"kind": "number", "scael": "none"}},
            "weight.scael: unknown field; options of number: impute, fill",
        ),
        (
            {"weight": {"scale": "none"}},
            "preprocess.features.weight: unallowed value None; a kind of feature is one of",
        ),
        (
            {"weight": ["number", {"kind": "bucket", "n_bins": 1}]},
            "preprocess.features.weight.1.n_bins: min value is 2",
        ),
        ({"weight": []}, "preprocess.features.weight: no kind of feature; known: number,"),
        (
            {"x": {"kind": "cross", "columns": ["note", "weigth"]}},
            "features.x: no such column in ingest.columns: weigth",
        ),
        (
            {"x": {"kind": "cross", "columns": ["note", "day"]}},
            "needs a column of type text or integer or boolean: day",
        ),
        ({"x": {"kind": "cross", "columns": ["note", "late"]}}, "preprocess.features.x: the label cannot be a feature"),
        ({"x": {"kind": "cross"}}, "preprocess.features.x.columns: required field; options of cross: columns"),
        ({"weight": "number", "x": "number"}, "preprocess.features.x: no such column in ingest.columns"),
        ({"note": {"kind": "category", "smooth": -1, "encode": "target"}}, "preprocess.features.note.smooth"),
    ],
)
def test_options_of_features_are_checked(features, why):
    assert why in refused(preprocess__features=features)


@pytest.mark.feature("T2")
def test_unknown_labels_have_a_policy():
    assert validate_config(config(), SCHEMA)["preprocess"]["label"]["unknown"] == "drop"
    full = validate_config(config(preprocess__label__unknown="no"), SCHEMA)
    assert full["preprocess"]["label"]["classes"]["no"] == ["no", "*"] and validate_config(full, SCHEMA) == full
    why = "preprocess.label.unknown: not drop, stop or one of the classes no, yes; got 'never'"
    assert why in refused(preprocess__label__unknown="never")
    classes = {"no": ["no"], "yes": ["*"]}
    assert "another class has '*'" in refused(preprocess__label__unknown="no", preprocess__label__classes=classes)


def test_column_is_read_in_one_way():
    columns = {"ingest__columns": {"n": "integer", "late": "text", "colour": "text"}}
    why = refused(**columns, preprocess__features={"n": ["number", "category"]})
    assert "preprocess.features.n: n is read as text by category and as number by number; remove one of them" in why


def test_features_get_the_options_of_their_kind():
    features = {"note": ["text", {"kind": "category", "min_count": 3}], "weight": {"kind": "quantile"}}
    full = validate_config(config(preprocess__features=features, preprocess__min_count=7), SCHEMA)["preprocess"][
        "features"
    ]
    assert full["note"][0]["terms"] == 20 and full["note"][0]["min_count"] == 5 and full["note"][1]["min_count"] == 3
    assert full["weight"][0]["n_quantiles"] == 100
    assert validate_config(config(preprocess__features=full), SCHEMA)["preprocess"]["features"] == full


@pytest.mark.parametrize(
    ("type_", "wrong"), [("text", 0), ("integer", 0), ("boolean", 0), ("number", 0), ("date:%Y", 1)]
)
def test_label_may_be_any_column_but_dates(type_, wrong):
    label = {"column": "y", "classes": {"0": ["0"], "1": ["1"]}, "positive": "1"}
    assert len(check_label({"label": label, "features": {}}, {"y": type_})) == wrong


@pytest.mark.feature("T3")
@pytest.mark.parametrize(
    ("feature", "text"),
    [
        ({"kind": "node", "edges": "roads.csv"}, "there is no edge list roads.csv in preprocess.edges"),
        ({"kind": "node"}, "required field; options of node: edges"),
        ({"kind": "text", "ngrams": [2, 1]}, "ngrams [2, 1]: the least length of a term comes first"),
        ({"kind": "text", "ngrams": [1]}, "min length is 2"),
        ({"kind": "text", "analyzer": "char", "buckets": 3}, "stop_words and buckets are for words"),
        ({"kind": "vectors", "source": "a/b.txt"}, "does not match regex"),
    ],
)
def test_options_of_texts_and_nodes_that_do_not_go_together(feature, text):
    assert text in refused(preprocess__features__note=feature)


@pytest.mark.parametrize("column", ["colur", "weight"])
def test_slices_must_be_columns_of_text(column):
    assert "analyze.slices" in refused(analyze__slices=[column])


def test_raw_value_belongs_to_one_class():
    refused(preprocess__label__classes={"no": ["a", "b"], "yes": ["b"]})


def test_unknown_limit_of_a_metric_lists_the_known_limits():
    assert "expected keys drop, gain, gap, max, min," in refused(analyze__gate={"roc_auc": {"mi": 1}})


def test_the_cases_of_the_repository_are_right():
    for path in (ROOT / "config/cases").glob("*.yaml"):
        assert validate_config(load_yaml(path) | {"case": path.stem}, SCHEMA)["case"] == path.stem


def test_every_key_says_what_it_is_for():
    def bare(schema: dict, path: str = "") -> list[str]:
        undescribed = []
        for key, rules in schema.items():
            inner = rules.get("schema", {}) if rules["type"] == "dict" else {}
            undescribed += [] if inner or "description" in rules.get("meta", {}) else [path + key]
            undescribed += bare(inner, f"{path}{key}.")
        return undescribed

    assert bare(SCHEMA) == []


def test_error_tree_is_flattened_and_a_value_found():
    tree = {"a": [{"b": ["wrong", {"c": ["bad"]}]}], "d": ["field 'd' cannot be coerced: x", "must be of integer type"]}
    assert flatten_errors(tree) == [("a.b", "wrong"), ("a.b.c", "bad"), ("d", "must be of integer type")]
    assert value_at({"a": [{"b": 5}]}, "a.0.b") == 5
    assert value_at({"a": [1]}, "a.7") is None and value_at({"a": 1}, "a.b.c") is None


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """Return the working directory of the test, a folder that contains the schemas."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    for name in ("schema.yaml", "kinds.yaml"):
        (tmp_path / "config" / name).write_text((ROOT / "config" / name).read_text())
    return tmp_path


def test_checked_configuration_is_remembered_by_content(checkout):
    first = remembered.load_config(config())
    assert first == validate_config(config(), SCHEMA)
    (cache_file,) = remembered.CACHE.iterdir()
    cache_file.write_text(json.dumps(first | {"title": "from the cache"}))
    assert remembered.load_config(config())["title"] == "from the cache"
    assert remembered.load_config(config(tune__trials=5))["tune"]["trials"] == 5
    assert len(list(remembered.CACHE.iterdir())) == 2
    cache_file.write_text("{damaged")
    assert remembered.load_config(config()) == first
    assert json.loads(cache_file.read_text()) == first


def test_other_schema_is_another_check(checkout):
    remembered.load_config(config())
    text = (checkout / "config/schema.yaml").read_text()
    (checkout / "config/schema.yaml").write_text(text.replace("default: 8080", "default: 9090"))
    assert remembered.load_config(config())["serve"]["port"] == 9090


@pytest.mark.parametrize("module", ["check_analyze.py", "check_tune.py"])
def test_other_code_of_any_check_is_another_check(checkout, monkeypatch, module):
    shutil.copytree(ROOT / "scripts", checkout / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(remembered, "ROOT", checkout)
    remembered.load_config(config())
    (checkout / "scripts/config" / module).open("a").write("\nMORE = 1\n")
    remembered.load_config(config())
    assert len(list(remembered.CACHE.iterdir())) == 2


def test_wrong_configuration_is_not_remembered(checkout):
    for _ in range(2):
        with pytest.raises(ConfigError):
            remembered.load_config(config(tune__trials="x"))
    assert not remembered.CACHE.exists()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ingest__columns__day": "date:%Y-%m-%d %Q"}, "ingest.columns.day: %Q in the format '%Y-%m-%d %Q' is not"),
        (
            {"ingest__columns__day": "time:%s"},
            "ingest.columns.day: %s in the format '%s' is not supported; known are %a",
        ),
        ({"ingest__columns__day": "time:%H:%M %Z"}, "%Z in the format"),
        ({"ingest__columns__day": "date:YYYY"}, "ingest.columns.day: the format 'YYYY' has no directive such as %Y"),
        ({"ingest__timezone": "Berlin"}, "ingest.timezone: 'Berlin' is not a time zone such as UTC or Europe/Berlin"),
        ({"ingest__timezone": "../etc/passwd"}, "ingest.timezone: '../etc/passwd' is not a time zone"),
    ],
)
def test_format_or_zone_that_would_fit_no_row_is_refused(changes, line):
    assert line in refused(**changes)
    full = validate_config(config(ingest__columns__day="time:%F %T.%f%z", ingest__timezone="Asia/Tokyo"), SCHEMA)
    assert full["ingest"]["timezone"] == "Asia/Tokyo"


DAY = datetime.date(2001, 1, 1)
TEXT_FILTER = [{"column": "colour", "not_in": [321], "reason": "x"}]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ingest__filter": TEXT_FILTER}, "ingest.filter.0.not_in: colour is a text column and 321 is no text: quote"),
        (
            {"ingest__filter": [{"column": "note", "min": 1.1, "reason": "x"}]},
            "ingest.filter.0.min: note is a text column and 1.1 is no text",
        ),
        (
            {"ingest__split": {"column": "late", "values": {"train": ["no", False]}}},
            "ingest.split.values.train: late is a text column and False is no text",
        ),
        (
            {"preprocess__label__classes": {"no": [False], "yes": ["yes"]}},
            "preprocess.label.classes.no: late is a text column and False is no text",
        ),
        ({"preprocess__label__classes": ["no", True]}, "preprocess.label.classes: late is a text column and True"),
        (
            {"analyze__fairness": {"columns": ["colour"], "reference": {"colour": False}}},
            "analyze.fairness.reference.colour: colour is a text column and False is no text",
        ),
        (
            {"preprocess__label__classes": {False: ["no"], "yes": ["yes"]}},
            "preprocess.label.classes: the key False is not a text: quote it",
        ),
        ({"windows__train": ["2001", 1.1]}, "windows.train: the span 1.1 is no text: quote it (YAML reads 00501 as"),
        ({"windows__train": {"from": "1.0", "to": 1.1}}, "windows.train.to: the span 1.1 is no text: quote it"),
        ({"windows__train": {"last": 2, "exclude": [True]}}, "windows.train.exclude: the span True is no text"),
        ({"until": 1.1}, "until: the span 1.1 is no text: quote it"),
        (
            {"ingest__filter": [{"column": "day", "min": DAY, "reason": "x"}]},
            f"ingest.filter.0.min: YAML reads {DAY} as a date, not as a text: quote it",
        ),
        (
            {"preprocess__label__classes": ["0", "1", "0"]},
            "preprocess.label.classes: '0' is listed twice; leave one out",
        ),
        ({"ingest__columns": {7: "text"}}, "ingest.columns: the key 7 is not a text: quote it"),
        (
            {"preprocess__label__classes": {"no": ["weight > 0.2 * id"], "yes": ["yes"]}},
            "preprocess.label.classes: 'weight > 0.2 * id' is a condition; classes list raw values of late",
        ),
    ],
)
def test_word_that_yaml_changed_is_refused_where_a_text_is_compared(changes, line):
    assert line in refused(**changes)


def test_numbers_of_columns_of_numbers_need_no_quotes():
    given = [{"column": "id", "min": 7, "reason": "x"}, {"column": "day", "not_in": [DAY], "reason": "y"}]
    assert validate_config(config(ingest__filter=given), SCHEMA)["ingest"]["filter"] == given


@pytest.mark.parametrize("name", ["weight", "owner"])
def test_pseudonyms_are_text_columns(name):
    line = refused(feedback={"log": {"pseudonyms": ["note", name]}})
    assert line.startswith(f"  feedback.log.pseudonyms: {name} is not a text column of ingest.columns;")
