"""The section of the report on the sweep: families, history, hyperparameters, and a table of the best trials."""

import math

from scripts.report import tuning_plots
from scripts.report.html import NO_VALUE, Figure, Figures, Markup, figure, number, part, short, table, verdict
from scripts.report.tuning_plots import make_scales

BEST = 500  # trials in the plots of hyperparameters
STEPS = 5  # of the colour of a score


def best_first(trials: list[dict]) -> list[dict]:
    """Return the trials by loss, failed ones last."""
    return sorted(trials, key=lambda trial: (loss_of(trial), trial["number"]))


def loss_of(trial: dict) -> float:
    """Return the loss of a trial, infinite where it failed."""
    return math.inf if trial["status"] != "ok" or trial.get("loss") is None else trial["loss"]


def running_best(trials: list[dict]) -> list[tuple[int, float]]:
    """Return number and score of the best trial so far after each trial, from the first that succeeded in full.

    One on a part of the resource of successive halving is no candidate.
    """
    found, best = [], None
    for trial in sorted(trials, key=lambda trial: trial["number"]):
        if "fraction" not in trial and loss_of(trial) < (math.inf if best is None else loss_of(best)):
            best = trial
        if best is not None:
            found.append((trial["number"], best["score"]))
    return found


def score_fifths(trials: list[dict]) -> dict[int, int]:
    """Return for each trial that worked, by number, the fifth it belongs to: 0 holds the worst scores, 4 the best."""
    order = sorted((trial for trial in trials if trial["status"] == "ok"), key=lambda trial: -trial["loss"])
    return {trial["number"]: STEPS * rank // len(order) for rank, trial in enumerate(order)}


LISTED = 20  # trials in the table


def tuning(tuned: dict, spaces: dict[str, dict], captions: dict[str, str]) -> Figures:
    """Show the sweep: a choice of families, score by trial, hyperparameters in two ways, the best trials in figures.

    *spaces* is the configured search space of each family. A setting that was taken over has no trials to show.
    """
    metric, trials = tuned["metric"], tuned["trials"]
    if not trials:
        best = tuned["best"]
        words = (
            f"No trials: {best['family']} ({tuning_plots.format_setting(best['params'])}) "
            f"is taken from {tuned['reused']}."
        )
        return [figure("trials", "Trials: none", part("paragraph", words), captions["trials"], full=True)]
    families = sorted({trial["family"] for trial in trials})
    plot = tuning_plots.history("history", "Score by trial", trials, running_best(trials), metric, families)
    return [
        figure("families", "Families", legend(trials, families, metric), captions["families"], full=True),
        figure("history", "Score by trial", plot, captions["history"], full=True),
        *hyperparameters(trials, spaces, metric, captions),
        trials_table(tuned, captions["trials"]),
    ]


def legend(trials: list[dict], families: list[str], metric: str) -> Markup:
    """Return a check box for each family, with its marker, trials and best score: plots show the checked families."""
    found = []
    for index, family in enumerate(families):
        own = best_first([trial for trial in trials if trial["family"] == family])
        color, shape = tuning_plots.family_style(index)
        best = NO_VALUE if own[0]["score"] is None else f"{own[0]['score']:.4f}"
        looks = {"color": color, "shape": shape}
        found.append(looks | {"name": short(family), "trials": number(len(own)), "best": best})
    return part("family_choice", metric, found)


def hyperparameters(trials: list[dict], spaces: dict[str, dict], metric: str, captions: dict[str, str]) -> Figures:
    """Show, for each family that has hyperparameters, the trials as lines through all, and the score by each."""
    shown = best_first(trials)[:BEST]
    few = f", the best {BEST} trials" if len(trials) > BEST else ""
    titles = [f"Parallel coordinates{few}", f"Score by hyperparameter{few}"]
    step, lines, panels = score_fifths(shown), [], []
    for index, family in enumerate(sorted({trial["family"] for trial in trials})):
        own = [trial for trial in shown if trial["family"] == family]
        scales_of_family = make_scales(own, spaces.get(family, {}))
        if not scales_of_family:
            continue
        shared = {"index": index, "name": short(family)}
        title = f"{titles[0]}, {family}"
        plot = tuning_plots.parallel(f"parallel-{index}", title, own, scales_of_family, metric, index, step)
        lines.append(shared | {"title": title, "plot": plot})
        plots = [
            tuning_plots.slices(
                f"slice-{index}-{position}", f"{titles[1]}, {family}, {scale.name}", own, scale, metric, index
            )
            for position, scale in enumerate(scales_of_family)
        ]
        panels.append(shared | {"plots": plots})
    if not lines:
        return []
    bodies = [part("family_lines", part("color_key", STEPS), lines), part("family_panels", panels)]
    names = ["parallel", "hyperparameters"]
    return [
        figure(name, title, body, captions[name], full=True, scroll=False)
        for name, title, body in zip(names, titles, bodies, strict=True)
    ]


def trials_table(tuned: dict, caption: str) -> Figure:
    """Show the best trials as a table."""
    metric, trials, rows = tuned["metric"], tuned["trials"], []
    best = (tuned.get("best") or {}).get("number")
    for trial in best_first(trials)[:LISTED]:
        good = verdict(trial["status"] == "ok", "best" if trial["number"] == best else "ok", "failed")
        score = NO_VALUE if trial["score"] is None else f"{trial['score']:.4f}"
        score += f" ± {trial['spread']:.4f}" if trial.get("spread") is not None else ""
        words = "; ".join(
            filter(None, (tuning_plots.format_setting(trial["params"]), short(trial.get("error", ""), 120)))
        )
        name = part("trial_number", trial["number"])
        rows.append([name, trial["family"], words, good, score])
    failed = sum(trial["status"] != "ok" for trial in trials)
    title = f"Trials: {len(trials)}, {failed} failed"
    title += f"; the first {LISTED}" if len(trials) > LISTED else ""
    body = table(["trial", "family", "setting", "status", metric], rows, 4)
    return figure("trials", title, body, caption, full=True)
