"""What is wrong between the keys of a configuration that are right by themselves."""

from scripts.bundle.window import extended
from scripts.spine.crossed_analyze import wrong_analyze
from scripts.spine.declared import families

NEEDED = {  # types of columns by kind of feature
    "number": ["number", "integer", "boolean"],
    "category": ["text", "integer", "boolean"],
    "text": ["text"],
    "season": ["date", "time"],
}


class ConfigError(Exception):
    """The configuration cannot be used; the message has a line for each key."""


def crossed(config: dict) -> list[tuple[str, str]]:
    """Return what is wrong between keys, each with the key to mend."""
    columns, window, prepare = config["ingest"]["columns"], config["ingest"]["window"], config["preprocess"]
    if wrong := wrong_window(window, columns):
        return wrong
    columns = extended(columns, window)
    wrong = wrong_features(prepare["features"], columns) + wrong_label(prepare, columns) + wrong_splits(config)
    return wrong + wrong_families(config["tune"]["families"]) + wrong_analyze(config, columns)


def wrong_window(window: dict, columns: dict) -> list[tuple[str, str]]:
    """Return what `ingest.window` names that is no column."""
    named = [*window["key"], window["order"], *window["columns"]] if window["columns"] else []
    return [
        ("ingest.window", f"{name or 'order'} is not a column of ingest.columns")
        for name in named
        if name not in columns
    ]


def either(kind: str) -> str:
    """Return the types of columns that a kind of feature takes, in words."""
    return " or ".join(NEEDED[kind])


def wrong_features(features: dict, columns: dict) -> list[tuple[str, str]]:
    """Return features that are no column, or a column of another type."""
    wrong = []
    for name, kind in features.items():
        if name not in columns:
            wrong.append((f"preprocess.features.{name}", "no such column in ingest.columns"))
        elif columns[name].split(":")[0] not in NEEDED[kind]:
            wrong.append((f"preprocess.features.{name}", f"a {kind} feature needs a column of type {either(kind)}"))
    return wrong


def wrong_label(prepare: dict, columns: dict) -> list[tuple[str, str]]:
    """Return what is wrong with the label column and its classes."""
    label, classes, positive = (prepare["label"][key] for key in ("column", "classes", "positive"))
    wrong = []
    if label not in columns:
        wrong.append(("preprocess.label.column", "no such column in ingest.columns"))
    elif columns[label].split(":")[0] in NEEDED["season"]:
        wrong.append(("preprocess.label.column", f"a column of type {columns[label].split(':')[0]} names no classes"))
    if label in prepare["features"]:
        wrong.append((f"preprocess.features.{label}", "the label cannot be a feature"))
    if len(classes) == 2 and positive not in classes:
        wrong.append(("preprocess.label.positive", f"not one of the classes {', '.join(classes)}"))
    if len(classes) > 2 and positive is not None:
        wrong.append(("preprocess.label.positive", f"only for two classes, there are {len(classes)}; leave it out"))
    values = [value for named in classes.values() for value in named]
    for value in sorted({str(value) for value in values if values.count(value) > 1}):
        wrong.append(("preprocess.label.classes", f"raw value {value} belongs to two classes"))
    return wrong


def wrong_families(configured: dict) -> list[tuple[str, str]]:
    """Return families, and hyperparameters of a family, that there are not."""
    known, wrong = families(), []
    for name, space in configured.items():
        if name not in known:
            wrong.append((f"tune.families.{name}", f"no such family in scripts/families; there are {', '.join(known)}"))
            continue
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
    named["ingest.split.column"] = [split["column"]] if split["column"] else []
    for key, names in named.items():
        wrong += [(key, f"{name} is not a column of ingest.columns") for name in names if name not in columns]
    return wrong
