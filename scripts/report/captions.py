"""The captions of figures and tables, one file with a heading for each."""

import re
from pathlib import Path

from scripts.errors import InputError

HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
FIGURES = (
    "overview lineage rows base-rate spans numbers texts missing drift anomalies families history parallel "
    "hyperparameters trials metrics roc pr calibration thresholds confusion confusion-table predicted residuals means "
    "slices slices-table gaps fairness fairness-table groups importance dependence gate change performance timeline"
).split()


def read_captions(path: Path) -> dict[str, str]:
    """Return the caption of each of FIGURES from *path*: the paragraphs below its heading, `## <name>`.

    Raises InputError with all captions that are missing, empty, there twice, or of no figure.
    """
    _, *parts = HEADING.split(path.read_text(encoding="utf-8"))
    names, texts = [name.strip() for name in parts[::2]], [text.strip() for text in parts[1::2]]
    found = dict(zip(names, texts, strict=True))
    wrong = {
        "missing": [name for name in FIGURES if not found.get(name)],
        "of no figure": [name for name in found if name not in FIGURES],
        "there twice": sorted({name for name in names if names.count(name) > 1}),
    }
    problems = [f"{', '.join(some)} {'is' if len(some) == 1 else 'are'} {kind}" for kind, some in wrong.items() if some]
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}; the report needs one heading, ## <name>, for each figure")
    return found
