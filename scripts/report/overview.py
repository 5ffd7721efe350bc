"""The sections of the report that show data and drift, and the overview."""

from scripts.report import span_data
from scripts.report.html import NO_VALUE, Figures, figure, interval, join, number, part, share, table, tree, verdict

SHOWN = 200  # anomalies listed: more are counted only
CLASSES = 30  # drawn, the most frequent ones
MAX_COLUMNS = 100  # drawn, those of the largest values


def overview(version: dict, blessing: dict, metrics: dict, tuned: dict, captions: dict[str, str]) -> Figures:
    """Show what was built, whether it may be deployed, and what it was built from."""
    test = metrics["splits"].get("test", {})
    best = tuned.get("best") or {}
    regression = metrics.get("task") == "regression"
    metric, label = ("rmse", "RMSE") if regression else ("roc_auc", "ROC AUC")
    facts = [
        ["case", version["case"]],
        ["version", str(version["version"])],
        ["gate", verdict(blessing["blessed"], "blessed", "not blessed")],
        *prediction_facts(metrics),
        [f"{label} on test", interval(test.get("metrics", {}).get(metric))],
        ["rows in test", test.get("rows")],
        *([["bundles measured on these test rows", blessing["look"]]] if "look" in blessing else []),
        ["model family", best.get("family", NO_VALUE)],
        ["bundle", tree(version["bundle"])],
    ]
    lineage = part("lineage", version["lineage"])
    return [
        figure("overview", "Key facts", table(["fact", "value"], facts, left=2), captions["overview"], opened=True),
        figure("lineage", "Lineage", lineage, captions["lineage"], full=True),
    ]


def prediction_facts(metrics: dict) -> list[list]:
    """Return the facts about what is predicted: a value, or one of some classes."""
    if metrics.get("task") == "regression":
        return [["predicts", "a value"]]
    return [
        ["classes", number(len(metrics["classes"]))],
        ["positive class", NO_VALUE if metrics["positive"] is None else metrics["positive"]],
        ["decision threshold", metrics["threshold"]],
    ]


def data(statistics: list[dict], positive: str | None, captions: dict[str, str]) -> Figures:
    """Show columns, rows, base rate (with more than two classes, the share of each) and missing values by span."""
    spans = [span_data.span_label(found) for found in statistics]
    numbers = ["column", "type", "missing", "distinct", "mean", "deviation", "smallest", "largest"]
    texts = ["column", "most frequent values", "missing", "distinct", "mean length", "longest"]
    names, cells = span_data.missing_matrix(statistics)
    titles = ["Rows by span", "Missing values by column and span"]
    rows = span_data.bars("rows", titles[0], spans, [found["rows"] for found in statistics])
    titles[1] += shown_columns(names)
    missing = span_data.heat("missing", titles[1], names[:MAX_COLUMNS], spans, cells[:MAX_COLUMNS])
    return [
        figure("rows", titles[0], rows, captions["rows"]),
        *labels(statistics, positive, captions),
        figure(
            "numbers",
            "Numbers, dates and times",
            table(numbers, span_data.number_rows(statistics), 2),
            captions["numbers"],
        ),
        figure("texts", "Texts", table(texts, span_data.text_rows(statistics), 2), captions["texts"]),
        figure("missing", titles[1], missing, captions["missing"], full=True),
    ]


def shown_columns(names: list[str]) -> str:
    """Return what a title says where only some of the columns *names* are drawn."""
    return f", the first {MAX_COLUMNS} of {number(len(names))} columns" if len(names) > MAX_COLUMNS else ""


def labels(statistics: list[dict], positive: str | None, captions: dict[str, str]) -> Figures:
    """Show the base rate of each span, with more than two classes the share of each, and in figures; values: rows."""
    order, shares = span_data.shares_by_span(statistics)
    rates = span_data.base_rates(statistics, positive or (order or [""])[0])
    spans = [rate[0] for rate in rates]
    counted, shown = "positive", []
    if positive is not None:
        title = "Base rate by span"
        shown.append(
            (title, span_data.line("base-rate", title, spans, [rate[3] for rate in rates], "positive rows, %"))
        )
    elif order:
        title, counted = "Classes by span", f"{order[0]} (most frequent)"
        shown.append((title, span_data.heat("base-rate", title, order[:CLASSES], spans, shares[:CLASSES])))
    head = ["span", "rows", *([counted, "share"] if shown else [])]
    counts = [[span, rows, hits, share(rate)][: len(head)] for span, rows, hits, rate in rates]
    return [
        *(figure("base-rate", title, plot, captions["base-rate"]) for title, plot in shown),
        figure("spans", "Spans", table(head, counts), captions["spans"]),
    ]


def drift(anomalies: dict, spans: list[str], features: set[str], captions: dict[str, str]) -> Figures:
    """Show how far each span lies from the others, columns that are no *features* last, and what was found wrong."""
    columns, cells = span_data.drift_matrix(anomalies["drift"], spans, features)
    names = [name if name in features else f"({name})" for name in columns]
    title = "Drift by column and span" + shown_columns(names)
    plot = part("paragraph", "no distances were measured")
    if names:
        plot = span_data.heat("drift", title, names[:MAX_COLUMNS], spans, cells[:MAX_COLUMNS])
    rows = span_data.anomaly_rows(anomalies["anomalies"])
    head = ["severity", "code", "column", "span", "message", "observed", "limit"]
    listed = table(head, rows[:SHOWN], left=len(head))
    if len(rows) > SHOWN:
        listed = join(listed, part("paragraph", f"and {number(len(rows) - SHOWN)} more in anomalies.json"))
    return [
        figure("drift", title, plot, captions["drift"], full=True),
        figure("anomalies", f"Anomalies: {len(rows) or 'none'}", listed, captions["anomalies"], full=True),
    ]
