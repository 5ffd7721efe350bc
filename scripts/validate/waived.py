"""Anomalies that a reviewed waiver excuses."""


def waived(found: list[dict], waivers: list[dict]) -> list[dict]:
    """Mark each of *found* that one of *waivers* names as waived; return the waivers with the number they excuse."""
    counts = [0] * len(waivers)
    for item in found:
        for index, waiver in enumerate(waivers):
            if all(item[key] == str(waiver[key]) for key in ("code", "column", "span", "split") if key in waiver):
                item["severity"] = "waived"
                item["waiver"] = {key: waiver[key] for key in ("reason", "owner", "expires")}
                counts[index] += 1
                break
    return [waiver | {"excuses": count} for waiver, count in zip(waivers, counts, strict=True)]
