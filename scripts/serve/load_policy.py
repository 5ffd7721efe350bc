"""Which versions of a case are in memory, besides those that labels name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadPolicy:
    """The *latest* versions, so many, and those that are named by *only*; all if neither says anything.

    With *unload_first*, versions that are no longer served leave the memory before new ones are loaded, so that it
    holds few models at once; until then, who asks for a label that has moved gets status 503. Otherwise old versions
    answer until the new ones are there.
    """

    latest: int | None = None
    only: frozenset[int] = frozenset()
    unload_first: bool = False

    def choose(self, published: set[int], labelled: set[int]) -> set[int]:
        """Return those of the *published* versions that are served, where labels name the versions *labelled*."""
        if self.latest is None and not self.only:
            return published
        return published & (labelled | self.only | set(sorted(published)[-self.latest :] if self.latest else ()))


EVERYTHING = LoadPolicy()
