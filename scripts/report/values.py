"""The part of the report that shows how well values are predicted (regression)."""

from scripts.report import curves
from scripts.report.page import figure
from scripts.report.sections import Figures


def values(metrics: dict, captions: dict[str, str]) -> Figures:
    """Show actual against predicted values, what is left of them, and the means of groups of rows by prediction."""
    found = {split: entry["curves"] for split, entry in metrics["splits"].items()}
    left = {split: [tuple(pair) for pair in entry.get("residuals", [])] for split, entry in found.items()}
    actual = {split: [(said, said + rest) for said, rest in pairs] for split, pairs in left.items()}
    means = {split: [tuple(point[:2]) for point in entry.get("calibration", [])] for split, entry in found.items()}
    titles = ["Actual against predicted", "Residuals", "Mean value by prediction"]
    said = "prediction"
    return [
        figure(
            "predicted", titles[0], curves.cloud("predicted", titles[0], actual, said, "value"), captions["predicted"]
        ),
        figure(
            "residuals",
            titles[1],
            curves.cloud("residuals", titles[1], left, said, "value less prediction", level=True),
            captions["residuals"],
        ),
        figure(
            "means",
            titles[2],
            curves.cloud("means", titles[2], means, f"mean {said}", "mean value", joined=True),
            captions["means"],
        ),
    ]
