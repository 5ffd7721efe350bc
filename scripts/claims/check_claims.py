"""Rule check_claims: compare the figures of a publication with those of the case, as JSON, HTML and LaTeX."""

from pathlib import Path

from scripts.claims.documents import render_html, render_latex
from scripts.claims.values import claim_output, find_value
from scripts.errors import InputError
from scripts.provenance.canonical import read_json, write_bytes, write_json
from scripts.provenance.run_job import echo, main


def compare_claim(claim: dict, obtained: float) -> dict:
    """Return the verdict on *claim*: what was published and *obtained*, their difference, and whether it holds.

    A difference that is larger than the tolerance only by the rounding of doubles is none.
    """
    difference = obtained - claim["value"]
    slack = 4 * 2**-52 * max(abs(obtained), abs(claim["value"]))
    place = [claim["metric"] or claim_output(claim), claim["at"] or claim["split"], claim["slice"]]
    return {
        "id": claim["id"],
        "text": claim["text"],
        "source": claim["source"],
        "place": ", ".join(filter(None, place)),
        "published": claim["value"],
        "obtained": obtained,
        "difference": difference,
        "tolerance": claim["tolerance"],
        "holds": abs(difference) <= claim["tolerance"] + slack,
    }


def check_claims(
    outputs: list[Path],
    style: Path,
    verdicts: Path,
    page: Path,
    table: Path,
    case: str,
    title: str,
    claims: list[dict],
) -> None:
    """Write the *verdicts* on all *claims* as JSON, as a *page* and as a *table* of LaTeX.

    *outputs* are the JSON files that the values come from, below results/<case>/. Raises InputError if one of them has
    no number where a claim says, or if there are no claims.
    """
    if not claims:
        raise InputError(f"config/cases/{case}.yaml has no claims; list them under `claims:` (config/README.md)")
    contents = {path.relative_to(Path("results") / case).as_posix(): read_json(path) for path in outputs}
    checked = [compare_claim(claim, find_value(claim, contents)) for claim in claims]
    missed = sum(not verdict["holds"] for verdict in checked)
    write_json(verdicts, {"case": case, "claims": checked, "missed": missed})
    write_bytes(page, render_html(title, checked, style.read_text(encoding="utf-8")).encode())
    write_bytes(table, render_latex(checked).encode())
    echo(f"claims: {len(checked) - missed} of {len(checked)} hold")


if __name__ == "__main__":
    main(check_claims)
