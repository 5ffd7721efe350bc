"""What the report shows of the classes: their shares by span, and which of many are confused."""

from scripts.report.choose import called


def base_rates(statistics: list[dict], positive: str) -> list[tuple[str, int, int, float | None]]:
    """Return span, rows, rows of the positive class and their share of the labelled rows, in the order of the spans."""
    found = []
    for span in statistics:
        labelled, hits = sum(span["label"].values()), span["label"].get(positive, 0)
        found.append((called(span), span["rows"], hits, hits / labelled if labelled else None))
    return found


def shares_by_span(statistics: list[dict]) -> tuple[list[str], list[list[float | None]]]:
    """Return the classes and their share of the labelled rows in each span, the most frequent class first."""
    totals = [sum(span["label"].values()) for span in statistics]
    counts = {name: [span["label"].get(name, 0) for span in statistics] for name in statistics[0]["label"]}
    order = sorted(counts, key=lambda name: (-sum(counts[name]), name))
    shares = [[n / total if total else None for n, total in zip(counts[name], totals, strict=True)] for name in order]
    return order, shares


def frequent(table: list[list[int]], names: list[str], most: int) -> tuple[list[list[int]], list[str]]:
    """Return a confusion *table* and *names* of the *most* frequent true classes alone, in their order."""
    kept = sorted(sorted(range(len(names)), key=lambda number: -sum(table[number]))[:most])
    return [[table[true][said] for said in kept] for true in kept], [names[number] for number in kept]
