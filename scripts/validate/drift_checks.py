"""Columns that moved: span against the span before, span against training, training against the other splits."""

from collections.abc import Iterator

from scripts.schema.drift_limits import Comparison, Excess, excesses
from scripts.schema.schema import is_checked
from scripts.statistics.drift import distance
from scripts.validate.anomaly import anomaly

NOTHING = "there is nothing to compare with: give the data or take the limits away"


def of_split(tables: list[dict], spans: list[str], split: str) -> list[dict]:
    """Return the statistics of the tables that hold the rows of *split*, whose window has *spans*."""
    return [table for table in tables if table["span"] in spans and table["split"] in (split, "all") and table["rows"]]


def of(column: str, tables: list[dict], kind: str | None = None) -> list[dict]:
    """Return the statistics of *column* in each of *tables* that has it, of type *kind*."""
    found = [table["columns"][column] for table in tables if column in table["columns"]]
    return [part for part in found if kind in (None, part["type"])]


def by_span(tables: list[dict]) -> dict[str, list[dict]]:
    """Return the tables that have rows by span, spans in the order of *tables*."""
    spans: dict[str, list[dict]] = {}
    for table in tables:
        spans.setdefault(table["span"], [])
        if table["rows"]:
            spans[table["span"]].append(table)
    return spans


def distances(tables: list[dict], windows: dict) -> dict[str, dict[str, float]]:
    """Return by column and span the Jensen-Shannon distance (base 2, 0 to 1) from the training split.

    A training span is compared with the other ones.
    """
    training, found = of_split(tables, windows["train"], "train"), {}
    for name in sorted({name for table in tables for name in table["columns"]}):
        for span, held in by_span(tables).items():
            before, after = of(name, [table for table in training if table not in held]), of(name, held)
            far = distance(before, after) if before and after and before[0]["type"] == after[0]["type"] else 0.0
            found.setdefault(name, {})[span] = far
    return found


def comparisons(tables: list[dict], windows: dict, schema: dict) -> dict[str, list[Comparison]]:
    """Return what is to be compared by the key of its limits."""
    training, spans = of_split(tables, windows["train"], "train"), by_span(tables)
    order, found = list(spans), {"drift": [], "max_drift": [], "splits": []}
    for name, spec in schema["columns"].items():
        if not is_checked(spec):
            continue
        limits, kind = spec.get("drift", {}), spec["type"]
        overall = {"js": spec["max_drift"]} if "max_drift" in spec else {}
        for index, span in enumerate(order):
            after, rest = of(name, spans[span], kind), [table for table in training if table not in spans[span]]
            before = of(name, spans[order[index - 1]], kind) if index else []
            others = of(name, rest, kind)
            if limits and index:
                found["drift"].append(Comparison(name, "drift", "the span before", before, after, limits, span))
            if limits and rest:
                found["drift"].append(Comparison(name, "drift", "training", others, after, limits, span))
            if overall and rest:
                found["max_drift"].append(Comparison(name, "max_drift", "training", others, after, overall, span))
        for split in sorted(set(windows) - {"train"}) if "splits" in spec else ():
            before, after = of(name, training, kind), of(name, of_split(tables, windows[split], split), kind)
            one = Comparison(name, "splits", "training", before, after, spec["splits"], split=split)
            found["splits"].append(one)
    return found


def of_drift(tables: list[dict], windows: dict, schema: dict) -> Iterator[dict]:
    """Yield each limit of drift that is passed by a significant difference, and what cannot be compared."""
    for key, family in comparisons(tables, windows, schema).items():
        for one in family:
            if one.after and not one.before:
                text = f"no values to compare with in {one.against}"
                place = {"column": one.column, "span": one.span, "split": one.split}
                yield anomaly("COMPARATOR_CONTROL_DATA_MISSING", key, None, None, text, NOTHING, **place)
        worst: dict[tuple, Excess] = {}
        for passed in excesses([one for one in family if one.before and one.after], schema["alpha"]):
            place = passed.comparison.column, passed.comparison.span, passed.comparison.split, passed.measure
            worst[place] = max(passed, worst.get(place, passed), key=observed)
        for passed in worst.values():
            one = passed.comparison
            inner = {passed.measure: passed.observed} if key != "max_drift" else passed.observed
            rule = key if key == "max_drift" else f"{key}.{passed.measure}"
            text = f"{passed.words} from {one.against} {passed.observed:.3f}, at most {passed.limit} (p {passed.p:.2g})"
            change, where = {"columns": {one.column: {key: inner}}}, {"span": one.span, "split": one.split}
            yield anomaly(passed.code, rule, passed.observed, passed.limit, text, change, one.column, **where)


def observed(passed: Excess) -> float:
    """Return how far a limit was passed."""
    return passed.observed
