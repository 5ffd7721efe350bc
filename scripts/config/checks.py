"""Checks between the keys of a configuration, once each key by itself is valid.

A problem is a pair (dotted key, message).
"""

from collections.abc import Iterable

from scripts.column_types import with_lag_columns
from scripts.config.check_alert import check_alert
from scripts.config.check_analyze import check_analyze
from scripts.config.check_claims import check_claims
from scripts.config.check_tune import check_tune
from scripts.config.families import declared_families
from scripts.config.features import check_feature_options, columns_of, learns_from_labels
from scripts.config.raw_values import canonical_text, find_shared
from scripts.data.times import find_format_problem, load_zone
from scripts.errors import ExpressionError
from scripts.metrics.table import TUNABLE_METRICS, metrics_of
from scripts.schema.expression import parse_expression

TARGET_TYPES = ("number", "integer")  # types of columns that can be regression targets


def check_config(config: dict, kinds: dict) -> list[tuple[str, str]]:
    """Return all problems between the keys of *config*; *kinds* is the content of config/kinds.yaml."""
    columns, window, prepare = config["ingest"]["columns"], config["ingest"]["window"], config["preprocess"]
    if problems := check_lags(window, columns) + check_times(config["ingest"]):
        return problems
    columns = with_lag_columns(columns, window)
    problems = check_features(prepare["features"], columns, kinds) + check_target_encoding(prepare)
    task, warm = "classification" if prepare["label"]["classes"] else "regression", bool(config["train"]["warm_start"])
    problems += (
        check_label(prepare, columns)
        + check_class_values(prepare["label"], columns)
        + check_splits(config)
        + check_families(config["tune"], task, warm)
    )
    problems += check_feature_options(prepare["features"], prepare["edges"])
    problems += check_alert(config["validate"]["alert"])
    problems += check_claims(config["claims"], config["windows"])
    problems += check_pseudonyms(config["feedback"]["log"]["pseudonyms"], columns)
    return problems + check_tune(config) + check_analyze(config, columns)


def check_lags(window: dict, columns: dict) -> list[tuple[str, str]]:
    """Return the names in `ingest.window` (lag features) that are not columns."""
    named = [*window["key"], window["order"], *window["columns"]] if window["columns"] else []
    return [
        ("ingest.window", f"{name or 'order'} is not a column of ingest.columns")
        for name in named
        if name not in columns
    ]


def check_pseudonyms(names: list[str], columns: dict) -> list[tuple[str, str]]:
    """Return the *names* in `feedback.log.pseudonyms` that are no text columns: only a text can hold a hash."""
    return [
        ("feedback.log.pseudonyms", f"{name} is not a text column of ingest.columns")
        for name in names
        if columns.get(name) != "text"
    ]


def check_times(ingest: dict) -> list[tuple[str, str]]:
    """Return the formats of dates and times, and the time zone, that cannot be used."""
    formats = [(f"ingest.columns.{name}", dtype.partition(":")[2]) for name, dtype in ingest["columns"].items()]
    problems = [(key, why) for key, form in formats if form and (why := find_format_problem(form))]
    try:
        load_zone(ingest["timezone"])
    except ValueError as error:
        problems.append(("ingest.timezone", str(error)))
    return problems


def join_types(types: Iterable[str]) -> str:
    """Return *types* of columns, joined by "or"."""
    return " or ".join(types)


def check_features(features: dict, columns: dict, kinds: dict) -> list[tuple[str, str]]:
    """Return features of missing columns, of columns of another type, or read both as text and as numbers."""
    problems, read = [], {}
    uses = [
        (name, spec["kind"], column)
        for name, specs in features.items()
        for spec in specs
        for column in columns_of(name, spec)
    ]
    for name, kind, column in uses:
        key, which = f"preprocess.features.{name}", "" if column == name else f": {column}"
        types, takes = kinds[kind]["types"], kinds[kind]["takes"]
        first, other = read.setdefault(column, (takes, kind))
        if column not in columns:
            problems.append((key, f"no such column in ingest.columns{which}"))
        elif columns[column].split(":")[0] not in types:
            problems.append((key, f"a {kind} feature needs a column of type {join_types(types)}{which}"))
        elif first != takes:
            problems.append(
                (key, f"{column} is read as {takes} by {kind} and as {first} by {other}; remove one of them")
            )
        elif takes == "hook" and [entry[2] for entry in uses].count(column) > 1:
            problems.append((key, f"only one hook can read {column}"))
    return problems


def check_target_encoding(prepare: dict) -> list[tuple[str, str]]:
    """Return features with target encoding if the label has no classes."""
    named = ((name, spec) for name, specs in prepare["features"].items() for spec in specs)
    no_classes = not prepare["label"].get("classes")
    return [
        (f"preprocess.features.{name}", "encode: target needs a label with classes")
        for name, spec in named
        if no_classes and learns_from_labels(spec)
    ]


def check_label(prepare: dict, columns: dict) -> list[tuple[str, str]]:
    """Return the problems of the label column and its classes."""
    label, classes, positive = (prepare["label"][key] for key in ("column", "classes", "positive"))
    problems = []
    if label not in columns:
        problems.append(("preprocess.label.column", "no such column in ingest.columns"))
    elif not classes and columns[label] not in TARGET_TYPES:
        words = f"without classes it is a regression target, which needs a column of type {join_types(TARGET_TYPES)}"
        problems.append(("preprocess.label.column", words))
    elif columns[label].split(":")[0] in ("date", "time"):
        problems.append(("preprocess.label.column", f"a {columns[label].split(':')[0]} column cannot hold classes"))
    for name, specs in prepare["features"].items():
        if any(label in columns_of(name, spec) for spec in specs):
            problems.append((f"preprocess.features.{name}", "the label cannot be a feature"))
    if not classes:
        return problems + [("preprocess.label.positive", "only for two classes, there are none")] * (
            positive is not None
        )
    if len(classes) == 2 and positive not in classes:
        problems.append(("preprocess.label.positive", f"not one of the classes {', '.join(classes)}"))
    if len(classes) > 2 and positive is not None:
        problems.append(("preprocess.label.positive", f"only for two classes, there are {len(classes)}; leave it out"))
    values = [value for named in classes.values() for value in named]
    problems += [
        (
            "preprocess.label.classes",
            f"{value!r} is a condition; classes list raw values of {label}: add a column for it",
        )
        for value in filter(None, values)
        if is_condition(value, columns)
    ]
    for value in sorted({str(value) for value in values if values.count(value) > 1}):
        problems.append(("preprocess.label.classes", f"raw value {value} belongs to two classes"))
    return problems


def check_class_values(label: dict, columns: dict) -> list[tuple[str, str]]:
    """Return the raw values of classes that the column of *label* has in another form: 01 or 1.0 as an integer."""
    dtype = columns.get(label["column"], "text")
    return [
        (
            f"preprocess.label.classes.{name}",
            f"no value of {label['column']}, a column of type {dtype}, is written {value!r}: write {meant!r}",
        )
        for name, values in (label["classes"] or {}).items()
        for value in values
        if value is not None and (meant := canonical_text(value, dtype)) not in (None, value)
    ]


def is_condition(text: str, columns: dict) -> bool:
    """Return whether *text* is an expression on *columns*, which no raw value of a label looks like."""
    try:
        parse_expression(text, {name: kind.split(":")[0] for name, kind in columns.items()})
    except ExpressionError:
        return False
    return True


def check_families(tune: dict, task: str, warm: bool) -> list[tuple[str, str]]:
    """Return unknown families, unknown hyperparameters, and families and a metric that do not fit *task*.

    If *warm*, all families must support a warm start.
    """
    known, problems = declared_families(), []
    regression_metrics = [name for name in TUNABLE_METRICS if name in metrics_of("regression")]
    if (tune["metric"] in regression_metrics) != (task == "regression"):
        problems.append(("tune.metric", f"not for {task}; {', '.join(regression_metrics)} are for regression"))
    for name, space in tune["families"].items():
        if name not in known:
            problems.append(
                (f"tune.families.{name}", f"no such family in scripts/families; there are {', '.join(known)}")
            )
            continue
        if task not in known[name]["tasks"]:
            have = ", ".join(other for other in known if task in known[other]["tasks"])
            problems.append((f"tune.families.{name}", f"not for {task}; choose from {have}"))
        if warm and not known[name]["warm"]:
            able = ", ".join(other for other in known if known[other]["warm"])
            problems.append(("train.warm_start", f"{name} does not support a warm start; {able} do"))
        for parameter in space:
            if parameter not in known[name]["space"]:
                have = ", ".join(known[name]["space"])
                problems.append((f"tune.families.{name}.{parameter}", f"no hyperparameter of {name}, which has {have}"))
    return problems


def check_splits(config: dict) -> list[tuple[str, str]]:
    """Return the problems of the names of splits and of the columns that identify or divide rows."""
    columns, split = config["ingest"]["columns"], config["ingest"]["split"]
    problems = [
        (f"ingest.split.{word}.{name}", "no such split in windows")
        for word in ("buckets", "values")
        for name in split[word]
        if name not in config["windows"]
    ]
    if (split["buckets"] and split["values"]) or bool(split["values"]) != bool(split["column"]):
        problems.append(("ingest.split", "either buckets (and key), or column and values"))
    problems += [
        ("ingest.split.values", f"{value} belongs to several splits, {', '.join(names)}; leave it in one of them")
        for value, names in find_shared(split["values"], columns.get(split["column"], "text")).items()
    ]
    window = config["ingest"]["window"]
    if split["buckets"] and window["columns"] and not (split["key"] and {*split["key"]} <= {*window["key"]}):
        series = f"key: [{', '.join(window['key'])}]" if window["key"] else "with a single series, only spans can be"
        text = (
            "the lags of ingest.window would bring rows, and labels, of one split into another; divide whole series: "
        )
        problems.append(("ingest.split", text + series))
    named = {"ingest.split.key": split["key"], "version.key": config["version"]["key"]}
    named["validate.duplicates"] = [name for name in config["validate"]["duplicates"] if name != "*"]
    named["ingest.split.column"] = [split["column"]] if split["column"] else []
    for key, names in named.items():
        problems += [(key, f"{name} is not a column of ingest.columns") for name in names if name not in columns]
    return problems
