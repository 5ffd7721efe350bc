"""Find drift and skew: spans against the previous span and against training, other splits against training."""

from collections.abc import Iterator

from scripts.schema.columns import is_checked
from scripts.schema.drift_limits import Comparison, ExceededLimit, exceeded_limits
from scripts.statistics.drift import distance
from scripts.validate.anomaly import make_anomaly

NO_REFERENCE = "there is no reference data: provide it or remove the limits"


def tables_of_split(tables: list[dict], spans: list[str], split: str) -> list[dict]:
    """Return those of *tables* (statistics) that contain rows of *split*, whose window consists of *spans*."""
    return [table for table in tables if table["span"] in spans and table["split"] in (split, "all") and table["rows"]]


def column_statistics(column: str, tables: list[dict], dtype: str | None = None) -> list[dict]:
    """Return the statistics of *column* in each of *tables* that has it, with type *dtype* if that is given."""
    found = [table["columns"][column] for table in tables if column in table["columns"]]
    return [part for part in found if dtype in (None, part["type"])]


def group_by_span(tables: list[dict]) -> dict[str, list[dict]]:
    """Return the tables of each span that have rows; spans are in the order of *tables*."""
    spans: dict[str, list[dict]] = {}
    for table in tables:
        spans.setdefault(table["span"], [])
        if table["rows"]:
            spans[table["span"]].append(table)
    return spans


def training_distances(tables: list[dict], windows: dict) -> dict[str, dict[str, float]]:
    """Return by column and span the Jensen-Shannon distance (base 2, 0 to 1) from the training split.

    A span of the training split is compared with the other spans of it.
    """
    training, found = tables_of_split(tables, windows["train"], "train"), {}
    for name in sorted({name for table in tables for name in table["columns"]}):
        for span, current in group_by_span(tables).items():
            before, after = (
                column_statistics(name, [table for table in training if table not in current]),
                column_statistics(name, current),
            )
            far = distance(before, after) if before and after and before[0]["type"] == after[0]["type"] else 0.0
            found.setdefault(name, {})[span] = far
    return found


def plan_comparisons(tables: list[dict], windows: dict, schema: dict) -> dict[str, list[Comparison]]:
    """Return the comparisons that *schema* has limits for, by the key of the limits."""
    training, spans = tables_of_split(tables, windows["train"], "train"), group_by_span(tables)
    order, found = list(spans), {"drift": [], "max_drift": [], "splits": []}
    for name, spec in schema["columns"].items():
        if not is_checked(spec):
            continue
        limits, dtype = spec.get("drift", {}), spec["type"]
        overall = {"js": spec["max_drift"]} if "max_drift" in spec else {}
        for index, span in enumerate(order):
            after, rest = (
                column_statistics(name, spans[span], dtype),
                [table for table in training if table not in spans[span]],
            )
            before = column_statistics(name, spans[order[index - 1]], dtype) if index else []
            others = column_statistics(name, rest, dtype)
            if limits and index:
                found["drift"].append(Comparison(name, "drift", "the previous span", before, after, limits, span))
            if limits and rest:
                found["drift"].append(Comparison(name, "drift", "training", others, after, limits, span))
            if overall and rest:
                found["max_drift"].append(Comparison(name, "max_drift", "training", others, after, overall, span))
        if "splits" in spec:
            before = column_statistics(name, training, dtype)
            for split in sorted(set(windows) - {"train"}):
                after = column_statistics(name, tables_of_split(tables, windows[split], split), dtype)
                comparison = Comparison(name, "splits", "training", before, after, spec["splits"], split=split)
                found["splits"].append(comparison)
    return found


def check_drift(tables: list[dict], windows: dict, schema: dict) -> Iterator[dict]:
    """Yield the anomalies of limits exceeded by a significant difference, and of columns without reference data.

    The tests of all comparisons, whichever limits they are for, are one family of the false discovery rate.
    """
    families = plan_comparisons(tables, windows, schema)
    testable = [one for family in families.values() for one in family if one.reference and one.current]
    found = list(exceeded_limits(testable, schema["alpha"]))
    for key, family in families.items():
        for comparison in family:
            if comparison.current and not comparison.reference:
                text = f"no reference values in {comparison.reference_name}"
                place = {"column": comparison.column, "span": comparison.span, "split": comparison.split}
                yield make_anomaly("COMPARATOR_CONTROL_DATA_MISSING", key, None, None, text, NO_REFERENCE, **place)
        worst: dict[tuple, ExceededLimit] = {}
        for exceeded in (one for one in found if one.comparison.key == key):
            place = exceeded.comparison.column, exceeded.comparison.span, exceeded.comparison.split, exceeded.measure
            worst[place] = max(exceeded, worst.get(place, exceeded), key=get_observed)
        for exceeded in worst.values():
            comparison = exceeded.comparison
            inner = {exceeded.measure: exceeded.observed} if key != "max_drift" else exceeded.observed
            rule = key if key == "max_drift" else f"{key}.{exceeded.measure}"
            text = (
                f"{exceeded.description} from {comparison.reference_name} {exceeded.observed:.3f}, "
                f"at most {exceeded.limit} (p {exceeded.p_value:.2g})"
            )
            change, where = (
                {"columns": {comparison.column: {key: inner}}},
                {"span": comparison.span, "split": comparison.split},
            )
            yield make_anomaly(
                exceeded.code, rule, exceeded.observed, exceeded.limit, text, change, comparison.column, **where
            )


def get_observed(exceeded: ExceededLimit) -> float:
    """Return the observed value of the measure."""
    return exceeded.observed
