"""The outputs that the claims of a case are compared with, as inputs of a rule."""

from collections.abc import Callable

from scripts.claims.values import claim_output
from scripts.errors import InputError
from scripts.provenance.staleness import Staleness


def claimed_outputs(staleness: Staleness, claims: list[dict], results: str, spans: list[str]) -> Callable:
    """Return an input function that gives the outputs, in the folder *results*, that *claims* are about.

    It raises InputError if no job of the case, which has the *spans*, writes one of them.
    """

    def find_outputs(wildcards: object) -> list[str]:
        paths = {claim["id"]: f"{results}/{claim_output(claim)}" for claim in claims}
        for name, path in paths.items():
            job = staleness.producer(path)
            if not job or path not in job.outputs or job.wildcards.get("span", spans[0]) not in spans:
                raise InputError(f"claim {name}: no job of this case writes {path}")
        return sorted(set(paths.values()))

    return find_outputs
