"""Sign a bundle and check its signature, by OpenSSF model signing, which has an environment of its own (sign).

What is signed, and what a signature is checked against, is a copy of contents that were read once: what is loaded is
what was checked. The signature names case and version, so that no other bundle of the same key can take their place.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bundle.published import SIGNATURE
from scripts.errors import BundleError, InputError
from scripts.provenance.environment import env_id

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("model_signature.py")
SECONDS = 50  # less than the server waits for a bundle


@contextmanager
def copied(contents: dict[str, bytes], name: str) -> Iterator[Path]:
    """Provide a folder called *name* with *contents*, without their signature, which is next to it if there is one."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, name)
        folder.mkdir()
        for file, content in contents.items():
            (folder.parent if file == SIGNATURE else folder).joinpath(file).write_bytes(content)
        yield folder


def run_program(env: str, word: str, folder: Path, key: Path) -> str:
    """Let the program in *env* "sign" or "verify" *folder* with *key*; return why it did not, "" if it did."""
    own = {name: value for name, value in os.environ.items() if name not in ("CONDA_PREFIX", "OUROBOROS_TERMINAL")}
    words = [str(ROOT / "envs/python"), env, str(PROGRAM), word, str(folder), str(key)]
    try:
        done = subprocess.run(words, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"not done within {SECONDS} s"
    output = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    return output[0] if done.returncode else ""


def sign_bundle(
    contents: dict[str, bytes], case: str, version: int, key: str, published: Path, env: str
) -> dict[str, bytes]:
    """Return *contents* with a signature by the private *key*; that in the folder *published* stays if it is right.

    *env* is the environment `sign`, with the digest of its lock.
    Raises InputError if the key lies in this repository, others can read it, or it cannot be used.
    """
    path = Path(key).expanduser().resolve()
    if path.is_relative_to(ROOT.resolve()):
        raise InputError(f"deploy.sign_key: {key} lies in the repository; keep private keys outside of it")
    if not path.is_file():
        raise InputError(f'deploy.sign_key: there is no file {key}; README, "Serve and ask", says how to make a key')
    if path.stat().st_mode & 0o077:
        raise InputError(f"deploy.sign_key: others can read {key}: chmod 600 {key}")
    earlier = published / SIGNATURE
    known = {SIGNATURE: earlier.read_bytes()} if earlier.is_file() else {}
    with copied(contents | known, f"{case}-{version}") as folder:
        if problem := run_program(env, "sign", folder, path):
            raise InputError(f"deploy.sign_key: {key} did not sign the bundle: {problem}")
        return contents | {SIGNATURE: (folder.parent / SIGNATURE).read_bytes()}


def check_signature(contents: dict[str, bytes], case: str, version: int, key: Path) -> None:
    """Raise BundleError unless *contents* are signed, as this *version* of *case*, with what the public *key* fits."""
    if SIGNATURE not in contents:
        raise BundleError("not signed, which serve.verify_key demands; deploy it with deploy.sign_key")
    with copied(contents, f"{case}-{version}") as folder:
        if problem := run_program(env_id("sign", ROOT / "envs"), "verify", folder, key):
            raise BundleError(f"the signature is not one of {key} for these files: {problem}")
