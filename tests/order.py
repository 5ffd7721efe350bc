"""In which order tests start: those that take long first, evenly dealt out to the workers."""


def dealt(items: list, takes: list[float], workers: int) -> list:
    """Return *items*, which take so many seconds each (0: a moment), in the order in which the workers shall have them.

    The scheduler (--dist worksteal) gives each worker one part of the list; who has none left takes from the end of
    another's. A worker keeps the test behind the one it runs, so one that takes a moment stands behind the longest.
    """
    if len(items) < 3 * workers:
        return items
    long = sorted((number for number, seconds in enumerate(takes) if seconds), key=lambda n: takes[n], reverse=True)
    rest = [number for number, seconds in enumerate(takes) if not seconds]
    short = [rest.pop(0) if rest else long.pop() for _ in range(workers)]
    order: list[int] = []
    for worker in reversed(range(workers)):
        size = (len(items) - len(order)) // (worker + 1)
        part = long[worker::workers]
        part[1:1] = [short[worker]]
        fill = max(0, size - len(part))
        order += [*part, *rest[:fill]]
        rest = rest[fill:]
    return [items[number] for number in [*order, *rest]]
