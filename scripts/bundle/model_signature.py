"""Sign or verify a folder in the environment `sign`: model_signature.py sign|verify FOLDER KEY.

The signature is signature.json next to FOLDER. To sign, KEY is a private key on an elliptic curve (PEM), to verify, it
is the public one. A signature that is there already and right is kept. Exits with 1 and one sentence on failure.
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from model_signing import signing, verifying

CURVES = ("secp256r1", "secp384r1", "secp521r1")


def check_key(word: str, key: Path) -> None:
    """Raise ValueError unless *key* can "sign" or "verify": a private or public key on one of CURVES; or TypeError."""
    content = key.read_bytes()
    loaded = load_pem_public_key(content) if word == "verify" else load_pem_private_key(content, None)
    name = getattr(getattr(loaded, "curve", None), "name", "none of an elliptic curve")
    if name not in CURVES:
        raise ValueError(f"the key must be one of the curve {', '.join(CURVES)}; it is {name}")


def verify(folder: Path, signature: Path, key: Path) -> None:
    """Raise ValueError unless *signature* is one of the public *key* for exactly the files and the name of *folder*."""
    verifying.Config().use_elliptic_key_verifier(public_key=key).verify(folder, signature)
    envelope = json.loads(signature.read_bytes())["dsseEnvelope"]  # its payload has just been verified
    (subject,) = json.loads(base64.b64decode(envelope["payload"]))["subject"]
    if subject["name"] != folder.name:
        raise ValueError(f"it is for {subject['name']}, not for {folder.name}")


def write_public_key(key: Path, path: Path) -> None:
    """Write the public key that belongs to the private *key* to *path*."""
    private = load_pem_private_key(key.read_bytes(), None)
    path.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def sign(folder: Path, signature: Path, key: Path) -> None:
    """Write *signature* of *folder* by the private *key*, unless it is one already. Raises ValueError."""
    if signature.exists():
        with tempfile.TemporaryDirectory() as place:
            write_public_key(key, Path(place, "public.pem"))
            try:
                return verify(folder, signature, Path(place, "public.pem"))
            except ValueError:
                signature.unlink()
    signing.Config().use_elliptic_key_signer(private_key=key).sign(folder, signature)


if __name__ == "__main__":
    word, place, key = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    try:
        check_key(word, key)
        {"sign": sign, "verify": verify}[word](place, place.with_name("signature.json"), key)
    except Exception as error:  # the library raises errors of many kinds
        sys.exit(" ".join(f"{error}".split())[:300] or type(error).__name__)
