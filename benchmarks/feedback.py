"""Judges and costs of feedback.

python -m benchmarks.feedback loans FOLDER: estimates without labels on the car loans of NannyML, by chunk, against
those that NannyML gives. FOLDER is nannyml/datasets/data of the wheel nannyml 0.13.1, unpacked; the package itself is
not installed.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from scripts.feedback.cbpe import auc_error, calibrate, expected_metrics

CHUNK = 5000
NANNYML = [0.9707, 0.9710, 0.9714, 0.9711, 0.9711, 0.9611, 0.9618, 0.9611, 0.9625, 0.9613]


def read_loans(path: Path) -> tuple[np.ndarray, list[dict]]:
    """Return the scores [rows] in a file, and its rows."""
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([float(row["y_pred_proba"]) for row in rows]), rows


def judge_loans(folder: Path) -> None:
    """Print for each chunk the estimated area, NannyML's, and whether the estimate alerts. Raises AssertionError."""
    p, rows = read_loans(folder / "synthetic_car_loan_reference.csv")
    asked, _ = read_loans(folder / "synthetic_car_loan_analysis.csv")
    y = np.array([float(row["repaid"]) for row in rows])
    chance_of, known = calibrate(y, p), expected_metrics(p, y, 0.5)["roc_auc"]
    alerts = []
    for start, expected in zip(range(0, len(asked), CHUNK), NANNYML, strict=True):
        scores = asked[start : start + CHUNK]
        chance = chance_of(scores)
        area, error = expected_metrics(scores, chance, 0.5)["roc_auc"], auc_error(scores, chance)
        alerts.append(known - area > 3 * error)
        print(f"{start:6} {area:.4f} +- {error:.4f}  NannyML {expected:.4f}  {'alert' if alerts[-1] else ''}")
        assert abs(area - expected) < 0.001
    assert alerts == [False] * 5 + [True] * 5


if __name__ == "__main__":
    {"loans": judge_loans}[sys.argv[1]](Path(sys.argv[2]))
