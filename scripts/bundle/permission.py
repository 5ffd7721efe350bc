"""Whether a bundle may leave the workflow: blessed by the gate, and registered as a version."""

from pathlib import Path

from scripts.bundle.files import bundle_digest
from scripts.errors import InputError


def check_permission(case: str, bundle: Path, version: dict, blessing: dict) -> None:
    """Raise InputError unless *blessing* permits *bundle* and *version* registers exactly this bundle of *case*."""
    if blessing.get("blessed") is not True:
        raise InputError(f"{bundle} is not blessed, so it is not published; see analyze.gate in the configuration")
    digest = bundle_digest(bundle)
    if blessing["bundle"] != digest:
        raise InputError(f"{bundle} (sha256 {digest[:12]}) is not the bundle that was blessed; run snakemake analyze")
    if (version["case"], version["bundle"]) != (case, digest):
        raise InputError(
            f"{bundle} (sha256 {digest[:12]}) is not what was registered as version {version['version']} of "
            f"{version['case']} (sha256 {version['bundle'][:12]}); run snakemake register"
        )
