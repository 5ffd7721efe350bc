"""The features of a case in full form, [{kind, all options}], with the defaults of config/kinds.yaml.

For each column, a case gives a kind, {kind, options} or a list of them.
"""

from typing import Any

KINDS = "config/kinds.yaml"
SIDE_FILE_OPTIONS = {"vectors": "source", "node": "edges"}  # by kind, the option that names a side file


def complete_features(prepare: dict, kinds: dict, checker: Any) -> list[tuple[str, str]]:
    """Bring each feature of *prepare* (the section preprocess) into full form; return problems as (key, message).

    Labels that no class names are assigned to the class `label.unknown`. *kinds* is the content of config/kinds.yaml,
    *checker* the Cerberus validator class.
    """
    problems = []
    for name, given in prepare["features"].items():
        items = given if isinstance(given, list) else [given]
        where = [f"preprocess.features.{name}" + (f".{n}" if given is items else "") for n in range(len(items))]
        completed = [complete_feature(item, prepare, kinds, checker) for item in items]
        problems += [(key + more, text) for key, (_, bad) in zip(where, completed, strict=True) for more, text in bad]
        if not items:
            problems.append((f"preprocess.features.{name}", f"no kind of feature; known: {', '.join(kinds)}"))
        prepare["features"][name] = [spec for spec, _ in completed]
    return problems + assign_unknown_labels(prepare["label"])


def complete_feature(item: Any, prepare: dict, kinds: dict, checker: Any) -> tuple[dict, list[tuple[str, str]]]:
    """Return one *item* of a feature as {kind, all options}, and its problems as (suffix of the key, message)."""
    options = dict(item) if isinstance(item, dict) else {"kind": item}
    kind = options.pop("kind", None)
    if not isinstance(kind, str) or kind not in kinds:
        return {"kind": kind}, [("", f"unallowed value {kind}; a kind of feature is one of {', '.join(kinds)}")]
    rules = kinds[kind]["options"]
    check = checker(rules)
    if not check.validate(options):
        allowed = ", ".join(rules) or "none"
        bad = {name: "; ".join(str(text) for text in texts) for name, texts in check.errors.items()}
        return {"kind": kind}, [(f".{name}", f"{text}; options of {kind}: {allowed}") for name, text in bad.items()]
    full = {
        name: prepare[name] if value is None and name in prepare else value for name, value in check.document.items()
    }
    return {"kind": kind} | full, []


def assign_unknown_labels(label: dict) -> list[tuple[str, str]]:
    """Assign labels that no class of *label* names to the class `unknown`, if it is one; return problems."""
    classes, unknown = label["classes"] or {}, label["unknown"]
    if unknown in ("drop", "stop") and unknown not in classes:
        return []
    if unknown not in classes:
        return [("preprocess.label.unknown", f"not drop, stop or one of the classes {', '.join(classes)}")]
    if any("*" in values for name, values in classes.items() if name != unknown):
        return [("preprocess.label.unknown", "another class has '*'")]
    classes[unknown] = [*(value for value in classes[unknown] if value != "*"), "*"]
    return []


def side_file(spec: dict) -> str:
    """Return the side file that one kind of a feature needs (word vectors or an edge list), "" for none."""
    return spec.get(SIDE_FILE_OPTIONS.get(spec["kind"], ""), "")


def learns_from_labels(spec: dict) -> bool:
    """Return whether one kind of a feature learns from labels, so that training rows must be cross-fitted."""
    return spec.get("encode") == "target"


def columns_of(name: str, spec: dict) -> list[str]:
    """Return the columns that one kind of the feature *name* reads."""
    return spec.get("columns") or [name]


def check_feature_options(features: dict, edges: dict) -> list[tuple[str, str]]:
    """Return problems of options that contradict each other or name no edge list of *edges*."""
    problems = []
    for name, spec in [(name, spec) for name, specs in features.items() for spec in specs]:
        key = f"preprocess.features.{name}"
        if spec["kind"] == "node" and spec["edges"] not in edges:
            problems.append((key, f"there is no edge list {spec['edges']} in preprocess.edges"))
        if spec["kind"] == "text" and spec["ngrams"][0] > spec["ngrams"][1]:
            problems.append((key, f"ngrams {spec['ngrams']}: the least length of a term comes first"))
        if spec["kind"] == "text" and spec["analyzer"] == "char" and (spec["stop_words"] or spec["buckets"]):
            problems.append((key, "stop_words and buckets are for words, not for analyzer: char"))
    return problems
