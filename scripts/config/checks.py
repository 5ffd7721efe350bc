"""What is wrong between the keys of a configuration that are right by themselves."""

from collections.abc import Iterable

from scripts.column_types import extended
from scripts.config.check_analyze import wrong_analyze
from scripts.config.check_tune import wrong_search
from scripts.config.families import families
from scripts.config.features import columns_of, wrong_options

VALUES = ("number", "integer")  # types of columns whose values can be predicted
ERRORS = ("rmse", "mae", "r2")  # metrics of regression


def crossed(config: dict, kinds: dict) -> list[tuple[str, str]]:
    """Return what is wrong between keys, each with the key to mend; *kinds* is the content of config/kinds.yaml."""
    columns, window, prepare = config["ingest"]["columns"], config["ingest"]["window"], config["preprocess"]
    if wrong := wrong_window(window, columns):
        return wrong
    columns = extended(columns, window)
    wrong = wrong_features(prepare["features"], columns, kinds) + wrong_targets(prepare)
    task, warm = "classification" if prepare["label"]["classes"] else "regression", bool(config["train"]["warm_start"])
    wrong += wrong_label(prepare, columns) + wrong_splits(config) + wrong_families(config["tune"], task, warm)
    wrong += wrong_options(prepare["features"], prepare["edges"])
    return wrong + wrong_search(config) + wrong_analyze(config, columns)


def wrong_window(window: dict, columns: dict) -> list[tuple[str, str]]:
    """Return what `ingest.window` names that is no column."""
    named = [*window["key"], window["order"], *window["columns"]] if window["columns"] else []
    return [
        ("ingest.window", f"{name or 'order'} is not a column of ingest.columns")
        for name in named
        if name not in columns
    ]


def either(types: Iterable[str]) -> str:
    """Return *types* of columns in words."""
    return " or ".join(types)


def wrong_features(features: dict, columns: dict, kinds: dict) -> list[tuple[str, str]]:
    """Return features that are no column, a column of another type, or read both as text and as number."""
    wrong, read = [], {}
    asked = [
        (name, spec["kind"], column)
        for name, specs in features.items()
        for spec in specs
        for column in columns_of(name, spec)
    ]
    for name, kind, column in asked:
        key, which = f"preprocess.features.{name}", "" if column == name else f": {column}"
        types, takes = kinds[kind]["types"], kinds[kind]["takes"]
        first, other = read.setdefault(column, (takes, kind))
        if column not in columns:
            wrong.append((key, f"no such column in ingest.columns{which}"))
        elif columns[column].split(":")[0] not in types:
            wrong.append((key, f"a {kind} feature needs a column of type {either(types)}{which}"))
        elif first != takes:
            wrong.append((key, f"{column} is read as {takes} by {kind} and as {first} by {other}; drop one of them"))
        elif takes == "hook" and [entry[2] for entry in asked].count(column) > 1:
            wrong.append((key, f"only one hook can read {column}"))
    return wrong


def wrong_targets(prepare: dict) -> list[tuple[str, str]]:
    """Return features encoded by the classes of a label that has none."""
    named = ((name, spec) for name, specs in prepare["features"].items() for spec in specs)
    without = not prepare["label"].get("classes")
    return [
        (f"preprocess.features.{name}", "encode: target needs a label with classes")
        for name, spec in named
        if without and spec.get("encode") == "target"
    ]


def wrong_label(prepare: dict, columns: dict) -> list[tuple[str, str]]:
    """Return what is wrong with the label column and its classes."""
    label, classes, positive = (prepare["label"][key] for key in ("column", "classes", "positive"))
    wrong = []
    if label not in columns:
        wrong.append(("preprocess.label.column", "no such column in ingest.columns"))
    elif not classes and columns[label] not in VALUES:
        words = f"without classes it is predicted, which needs a column of type {either(VALUES)}"
        wrong.append(("preprocess.label.column", words))
    elif columns[label].split(":")[0] in ("date", "time"):
        wrong.append(("preprocess.label.column", f"a column of type {columns[label].split(':')[0]} names no classes"))
    for name, specs in prepare["features"].items():
        if any(label in columns_of(name, spec) for spec in specs):
            wrong.append((f"preprocess.features.{name}", "the label cannot be a feature"))
    if not classes:
        return wrong + [("preprocess.label.positive", "only for two classes, there are none")] * (positive is not None)
    if len(classes) == 2 and positive not in classes:
        wrong.append(("preprocess.label.positive", f"not one of the classes {', '.join(classes)}"))
    if len(classes) > 2 and positive is not None:
        wrong.append(("preprocess.label.positive", f"only for two classes, there are {len(classes)}; leave it out"))
    values = [value for named in classes.values() for value in named]
    for value in sorted({str(value) for value in values if values.count(value) > 1}):
        wrong.append(("preprocess.label.classes", f"raw value {value} belongs to two classes"))
    return wrong


def wrong_families(tune: dict, task: str, warm: bool) -> list[tuple[str, str]]:
    """Return families, and hyperparameters of a family, that there are not or not for *task*, and a metric likewise.

    If *warm*, families must be able to go on from an earlier model.
    """
    known, wrong = families(), []
    if (tune["metric"] in ERRORS) != (task == "regression"):
        wrong.append(("tune.metric", f"not for {task}; {', '.join(ERRORS)} are for regression, the others for classes"))
    for name, space in tune["families"].items():
        if name not in known:
            wrong.append((f"tune.families.{name}", f"no such family in scripts/families; there are {', '.join(known)}"))
            continue
        if task not in known[name]["tasks"]:
            have = ", ".join(other for other in known if task in known[other]["tasks"])
            wrong.append((f"tune.families.{name}", f"not for {task}, which {have} are for"))
        if warm and not known[name]["warm"]:
            able = ", ".join(other for other in known if known[other]["warm"])
            wrong.append(("train.warm_start", f"{name} cannot go on from an earlier model; {able} can"))
        for parameter in space:
            if parameter not in known[name]["space"]:
                have = ", ".join(known[name]["space"])
                wrong.append((f"tune.families.{name}.{parameter}", f"no hyperparameter of {name}, which has {have}"))
    return wrong


def wrong_splits(config: dict) -> list[tuple[str, str]]:
    """Return what is wrong with the names of splits and the columns that identify or part rows."""
    columns, split = config["ingest"]["columns"], config["ingest"]["split"]
    wrong = [
        (f"ingest.split.{word}.{name}", "no such split in windows")
        for word in ("buckets", "values")
        for name in split[word]
        if name not in config["windows"]
    ]
    if (split["buckets"] and split["values"]) or bool(split["values"]) != bool(split["column"]):
        wrong.append(("ingest.split", "either buckets (and key), or column and values"))
    named = {"ingest.split.key": split["key"], "version.key": config["version"]["key"]}
    named["validate.duplicates"] = [name for name in config["validate"]["duplicates"] if name != "*"]
    named["ingest.split.column"] = [split["column"]] if split["column"] else []
    for key, names in named.items():
        wrong += [(key, f"{name} is not a column of ingest.columns") for name in names if name not in columns]
    return wrong
