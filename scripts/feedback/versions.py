"""What each version answered: how often, and how the scores, or in regression the predictions, lie."""

SCORE_BINS = 10


def counted(before: dict | None, entry: dict, classes: bool) -> dict:
    """Return the figures of a version with a further *entry* of the log; *before* has those so far, or is None.

    Of *classes* they hold a histogram of the scores from 0 to 1, else the least, the mean and the most predicted.
    """
    found = before or {"requests": 0, "rows": 0} | ({"scores": [0] * SCORE_BINS} if classes else {})
    for score in entry["scores"]:
        found["rows"] += 1
        if classes:
            found["scores"][min(int(score * SCORE_BINS), SCORE_BINS - 1)] += 1
            continue
        mean = found.get("mean", score)
        found["least"], found["most"] = min(score, found.get("least", score)), max(score, found.get("most", score))
        found["mean"] = mean + (score - mean) / found["rows"]
    found["requests"] += 1
    return found
