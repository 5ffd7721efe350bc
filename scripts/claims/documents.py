"""The verdicts on claims for readers: an HTML page, a table of LaTeX, and lines for the terminal."""

from scripts.templates.render import make_environment, render_page

LATEX = {sign: f"\\{sign}" for sign in "&%$#_{}"}
LATEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def format_number(value: float) -> str:
    """Return *value* with at most eight significant digits."""
    return f"{value:.8g}"


def verdict_word(verdict: dict) -> str:
    return "PASS" if verdict["holds"] else "MISS"


def render_html(title: str, verdicts: list[dict], style: str) -> str:
    """Return the page about the *verdicts* of the case called *title*."""
    environment = make_environment(number=format_number, word=verdict_word)
    return render_page(environment, "claims.html.j2", style, [], title=f"Claims: {title}", verdicts=verdicts)


def escape_latex(text: str) -> str:
    """Return *text* so that LaTeX prints it as it is."""
    return "".join(LATEX.get(sign, sign) for sign in " ".join(text.split()))


def render_latex(verdicts: list[dict]) -> str:
    """Return a tabular of the *verdicts*, for \\input in a document that uses the package booktabs."""
    rows = [
        " & ".join(
            [
                escape_latex(verdict["id"]),
                escape_latex(verdict["text"] or verdict["place"]),
                *(format_number(verdict[name]) for name in ("published", "obtained", "tolerance")),
                verdict_word(verdict),
            ]
        )
        + r" \\"
        for verdict in verdicts
    ]
    head = r"claim & statement & published & obtained & tolerance & verdict \\"
    return "\n".join([r"\begin{tabular}{llrrrl}", r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]) + (
        "\n\\end{tabular}\n"
    )


def format_table(verdicts: list[dict]) -> list[str]:
    """Return the *verdicts* as lines of a table."""
    head = ("", "claim", "published", "obtained", "tolerance", "source")
    rows = [head] + [
        (
            verdict_word(verdict),
            verdict["id"],
            *(format_number(verdict[name]) for name in ("published", "obtained", "tolerance")),
            verdict["source"],
        )
        for verdict in verdicts
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
