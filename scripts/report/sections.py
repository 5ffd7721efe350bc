"""The sections of the report that show data and drift, and those that need no plots: overview and gate."""

from scripts.report import choose, classes, plots
from scripts.report.markup import BLANK, Markup, interval, number, share, table, text, tree, verdict
from scripts.report.page import figure

Figures = list[tuple[str, str, Markup]]
ENDS = {"min": "at least", "max": "at most"}
SHOWN = 200  # anomalies listed: more are counted only
CLASSES = 30  # drawn, the most frequent ones


def overview(version: dict, blessing: dict, metrics: dict, tuned: dict, captions: dict[str, str]) -> Figures:
    """Show what was built, whether it may be deployed, and what it was built from."""
    test = metrics["splits"].get("test", {})
    best = tuned.get("best") or {}
    facts = [
        ["case", version["case"]],
        ["version", str(version["version"])],
        ["gate", verdict(blessing["blessed"], "blessed", "not blessed")],
        ["classes", number(len(metrics["classes"]))],
        ["positive class", BLANK if metrics["positive"] is None else metrics["positive"]],
        ["decision threshold", metrics["threshold"]],
        ["ROC AUC on test", interval(test.get("metrics", {}).get("roc_auc"))],
        ["rows in test", test.get("rows")],
        ["model family", best.get("family", BLANK)],
        ["bundle", Markup(f"<code>{text(version['bundle'])}</code>")],
    ]
    lineage = Markup(f"<details><summary>Everything it was made from</summary>{tree(version['lineage'])}</details>")
    return [
        figure("overview", "Key facts", table(["fact", "value"], facts, left=2), captions["overview"]),
        figure("lineage", "Lineage", lineage, captions["lineage"], full=True),
    ]


def data(statistics: list[dict], positive: str | None, captions: dict[str, str]) -> Figures:
    """Show columns, rows, base rate (with more than two classes, the share of each) and missing values by span."""
    order, shares = classes.shares_by_span(statistics)
    rates = classes.base_rates(statistics, positive or (order or [""])[0])
    spans = [rate[0] for rate in rates]
    numbers = ["column", "type", "missing", "distinct", "mean", "deviation", "smallest", "largest"]
    texts = ["column", "most frequent values", "missing", "distinct", "mean length", "longest"]
    counts = [[span, rows, hits, share(rate)] for span, rows, hits, rate in rates]
    names, cells = choose.missing_matrix(statistics)
    title = ["Rows by span", "Base rate by span", "Missing values by column and span"]
    rows = plots.bars("rows", title[0], spans, [rate[1] for rate in rates])
    counted = "positive"
    if positive is not None:
        base = plots.line("base-rate", title[1], spans, [rate[3] for rate in rates], "positive rows, %")
    else:
        title[1], counted = "Classes by span", f"{order[0]} (most frequent)"
        base = plots.heat("base-rate", title[1], order[:CLASSES], spans, shares[:CLASSES])
    missing = plots.heat("missing", title[2], names, spans, cells)
    return [
        figure("rows", title[0], rows, captions["rows"]),
        figure("base-rate", title[1], base, captions["base-rate"]),
        figure("spans", "Spans", table(["span", "rows", counted, "share"], counts), captions["spans"]),
        figure(
            "numbers",
            "Numbers, dates and times",
            table(numbers, choose.number_rows(statistics), 2),
            captions["numbers"],
        ),
        figure("texts", "Texts", table(texts, choose.text_rows(statistics), 2), captions["texts"]),
        figure("missing", title[2], missing, captions["missing"], full=True),
    ]


def drift(anomalies: dict, spans: list[str], captions: dict[str, str]) -> Figures:
    """Show how far each span lies from the others, and what was found wrong."""
    names, cells = choose.drift_matrix(anomalies["drift"], spans)
    title = "Drift by column and span"
    plot = plots.heat("drift", title, names, spans, cells) if names else Markup("<p>no distances were measured</p>")
    rows = choose.anomaly_rows(anomalies["anomalies"])
    head = ["severity", "code", "column", "span", "message", "observed", "limit"]
    listed = table(head, rows[:SHOWN], left=len(head))
    if len(rows) > SHOWN:
        listed += Markup(f"<p>and {number(len(rows) - SHOWN)} more in anomalies.json</p>")
    return [
        figure("drift", title, plot, captions["drift"], full=True),
        figure("anomalies", f"Anomalies: {len(rows) or 'none'}", Markup(listed), captions["anomalies"], full=True),
    ]


def gate(blessing: dict, captions: dict[str, str]) -> Figures:
    """Show each check of the gate with its verdict."""
    rows = []
    for check in blessing["checks"]:
        limits = [f"{words} {number(check['limit'][end])}" for end, words in ENDS.items() if end in check["limit"]]
        rows.append([check["metric"], verdict(check["passed"]), ", ".join(limits), interval(check)])
    whole = Markup(f"<p>{verdict(blessing['blessed'], 'blessed', 'not blessed')}</p>")
    checks = table(["metric", "verdict", "limit", "measured"], rows, 4, "no limit is configured, so nothing is blessed")
    return [figure("gate", "Checks", Markup(whole + checks), captions["gate"])]
