"""What stands for a trial in the plots: a mark or a line that a reader can find again in the other plots."""

import xml.etree.ElementTree as ET

from scripts.report.markup import BLANK, clean, number, short

SHAPES = ["m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z", "m-3-3h6v6h-6z", "m0-4l4 4l-4 4l-4-4z", "m0-4l4 7h-8z"]
COLORS = 4
CROSS = "m-3-3l6 6m0-6l-6 6"


def look(index: int) -> tuple[str, str]:
    """Return class of the colour and shape of family *index*; 16 families differ."""
    return f"c{index % COLORS + 1}", SHAPES[(index + index // COLORS) % len(SHAPES)]


def setting(params: dict) -> str:
    """Return hyperparameters on one line."""
    values = {key: number(value) if type(value) in (int, float) else str(value) for key, value in params.items()}
    return ", ".join(f"{key} {values[key]}" for key in sorted(values))


def called(trial: dict, metric: str) -> str:
    """Return what there is to say of a trial, a line for each part."""
    score = BLANK if trial["score"] is None else f"{trial['score']:.4f}"
    spread = f" ± {trial['spread']:.4f} ({len(trial['losses'])} fits)" if trial.get("spread") is not None else ""
    lines = [f"trial {trial['number']}, {trial['family']}", f"{metric} {score}{spread}", setting(trial["params"])]
    lines += [f"on {trial['fraction']:.0%} of the resource"] if "fraction" in trial else []
    return "\n".join(short(line, 200) for line in [*lines, trial.get("error", "")] if clean(line))


def element(tag: str, trial: dict, family: int, kind: str, words: str = "", **attributes: str) -> ET.Element:
    """Return an element of a plot that belongs to a trial: to find it, hide it with its family, and read it."""
    found = ET.Element(tag, attributes | {"class": f"trial f{family} {kind}", "data-trial": str(trial["number"])})
    if words:
        ET.SubElement(found, "title").text = words
    return found


def dot(trial: dict, family: int, place: tuple[float, float], words: str = "") -> ET.Element:
    """Return the mark of a trial: its family's, hollow on a part of the resource; a cross if it failed."""
    kind, shape = look(family) if trial["status"] == "ok" else ("cross", CROSS)
    kind += " hollow" if "fraction" in trial and trial["status"] == "ok" else ""
    return element("path", trial, family, kind, words, d=f"M{place[0]:g} {place[1]:g}{shape}")
