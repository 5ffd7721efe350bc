"""Which model each published version of a case holds, by the checksums next to its files."""

from pathlib import Path

from scripts.bundle.files import main_file

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "signature.json"


def published_model(folder: Path) -> str:
    """Return the digest of the model that is published in *folder*, as SHA256SUMS states it; "" if it cannot be read.

    It is the digest that identifies the bundle (bundle_digest).
    """
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    return digests.get(main_file(digests), "")


def published_models(case: Path) -> dict[int, str]:
    """Return the digest of the model of each version that is published in the folder *case*, by number."""
    folders = [path for path in case.glob("[1-9]*") if path.name.isdecimal()]
    return {int(path.name): published_model(path) for path in folders}
