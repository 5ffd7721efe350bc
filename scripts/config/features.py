"""The features of a case, `kind`, `{kind, options}` or a list for each column, completed by config/kinds.yaml."""

from typing import Any

KINDS = "config/kinds.yaml"
FILES = {"vectors": "source", "node": "edges"}  # by kind the option that names a file beside the rows


def complete(prepare: dict, kinds: dict, checker: Any) -> list[tuple[str, str]]:
    """Give each feature of *prepare* (the section preprocess) the form [{kind, all options}]; return what is wrong.

    Labels that no class names go to the class that says so.

    *kinds* is the content of config/kinds.yaml, *checker* the class that validates by Cerberus rules.
    """
    wrong = []
    for name, given in prepare["features"].items():
        items = given if isinstance(given, list) else [given]
        where = [f"preprocess.features.{name}" + (f".{n}" if given is items else "") for n in range(len(items))]
        found = [completed(item, prepare, kinds, checker) for item in items]
        wrong += [(key + more, text) for key, (_, bad) in zip(where, found, strict=True) for more, text in bad]
        if not items:
            wrong.append((f"preprocess.features.{name}", f"no kind of feature; known: {', '.join(kinds)}"))
        prepare["features"][name] = [spec for spec, _ in found]
    return wrong + settle_unknown(prepare["label"])


def completed(item: Any, prepare: dict, kinds: dict, checker: Any) -> tuple[dict, list[tuple[str, str]]]:
    """Return {kind, all options} for one *item* of a feature, and what is wrong with it: part of the key, message."""
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


def settle_unknown(label: dict) -> list[tuple[str, str]]:
    """Give labels that no class of *label* names to the class that `unknown` says, if any; return what is wrong."""
    classes, unknown = label["classes"] or {}, label["unknown"]
    if unknown in ("drop", "stop") and unknown not in classes:
        return []
    if unknown not in classes:
        return [("preprocess.label.unknown", f"not drop, stop or one of the classes {', '.join(classes)}")]
    if any("*" in values for name, values in classes.items() if name != unknown):
        return [("preprocess.label.unknown", "another class has '*'")]
    classes[unknown] = [*(value for value in classes[unknown] if value != "*"), "*"]
    return []


def file_of(spec: dict) -> str:
    """Return the file beside the rows that one kind of a feature needs: word vectors or an edge list; "" for none."""
    return spec.get(FILES.get(spec["kind"], ""), "")


def columns_of(name: str, spec: dict) -> list[str]:
    """Return the columns that one kind of the feature *name* reads."""
    return spec.get("columns") or [name]


def wrong_options(features: dict, edges: dict) -> list[tuple[str, str]]:
    """Return options of features that do not go together, or name no edge list of *edges*."""
    wrong = []
    for name, spec in [(name, spec) for name, specs in features.items() for spec in specs]:
        key = f"preprocess.features.{name}"
        if spec["kind"] == "node" and spec["edges"] not in edges:
            wrong.append((key, f"there is no edge list {spec['edges']} in preprocess.edges"))
        if spec["kind"] == "text" and spec["ngrams"][0] > spec["ngrams"][1]:
            wrong.append((key, f"ngrams {spec['ngrams']}: the least length of a term comes first"))
        if spec["kind"] == "text" and spec["analyzer"] == "char" and (spec["stop_words"] or spec["buckets"]):
            wrong.append((key, "stop_words and buckets are for words, not for analyzer: char"))
    return wrong
