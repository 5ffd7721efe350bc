"""Signed bundles: a signature holds for these files, this case, this version and this key, and a server insists."""

import os
import subprocess
from pathlib import Path

import pytest

from scripts.bundle.signature import ROOT, check_signature, sign_bundle
from scripts.deploy.deploy import deploy
from scripts.errors import BundleError, InputError
from scripts.provenance.environment import env_id
from scripts.serve.model import load_model
from tests.unit.deploy.test_deploy import stage
from tests.unit.serve.tiny import ROW, bundle, put, running

MAKE_KEYS = """
import sys
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
for name in ("own", "other"):
    key = ec.generate_private_key(ec.SECP256R1())
    open(f"{sys.argv[1]}/{name}.pem", "wb").write(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    open(f"{sys.argv[1]}/{name}.pub.pem", "wb").write(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
"""
MAKE_OTHER_KEYS = """
import sys
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
keys = {"rsa": rsa.generate_private_key(65537, 2048), "secp256k1": ec.generate_private_key(ec.SECP256K1())}
keys["locked"] = ec.generate_private_key(ec.SECP256R1())
for name, key in keys.items():
    lock = BestAvailableEncryption(b"secret") if name == "locked" else NoEncryption()
    open(f"{sys.argv[1]}/{name}.pem", "wb").write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
"""
ENV = env_id("sign", ROOT / "envs")
pytestmark = [pytest.mark.slow, pytest.mark.feature("S11"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """Return a folder with the private keys own.pem and other.pem, and own.pub.pem and other.pub.pem."""
    folder = tmp_path_factory.mktemp("keys")
    command = [str(ROOT / "envs/python"), "sign", "-c", MAKE_KEYS, str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ, check=True)
    for path in folder.glob("*.pem"):
        path.chmod(0o600)
    return folder


@pytest.mark.takes(30)
def test_a_signature_holds_for_these_files_this_version_and_this_key(keys, tmp_path):
    contents = sign_bundle(bundle(), "birds", 3, str(keys / "own.pem"), tmp_path / "nothing", ENV)
    check_signature(contents, "birds", 3, keys / "own.pub.pem")
    put(tmp_path / "serving", "birds", 3, contents)
    published = tmp_path / "serving/birds/3"
    assert sign_bundle(bundle(), "birds", 3, str(keys / "own.pem"), published, ENV) == contents  # the right one is kept
    changed = contents | {"contract.json": contents["contract.json"] + b" "}
    for wrong, case, version, key, why in (
        (changed, "birds", 3, "own", "contract.json"),
        ({name: content for name, content in contents.items() if name != "schema.json"}, "birds", 3, "own", "schema"),
        (contents | {"more.json": b"{}"}, "birds", 3, "own", "more.json"),
        (contents, "birds", 4, "own", "it is for birds-3, not for birds-4"),
        (contents, "cats", 3, "own", "it is for birds-3, not for cats-3"),
        (contents, "birds", 3, "other", ""),
        (contents | {"signature.json": b"{}"}, "birds", 3, "own", ""),
    ):
        with pytest.raises(BundleError, match=r"the signature is not one of .*pub.pem for these files: ") as refused:
            check_signature(wrong, case, version, keys / f"{key}.pub.pem")
        assert why in str(refused.value)
    with pytest.raises(
        BundleError, match=r"not signed, which serve.verify_key demands; deploy it with deploy.sign_key"
    ):
        check_signature(bundle(), "birds", 3, keys / "own.pub.pem")


def test_keys_that_are_not_kept_private_or_cannot_sign_are_refused(keys, tmp_path):
    def refuse(key: Path, why: str) -> None:
        with pytest.raises(InputError, match=why):
            sign_bundle(bundle(), "birds", 3, str(key), tmp_path, ENV)

    refuse(ROOT / "README.md", "lies in the repository; keep private keys outside of it")
    refuse(tmp_path / "none.pem", "there is no file")
    text = tmp_path / "text.pem"
    text.write_text("secret words")
    text.chmod(0o644)
    refuse(text, "others can read")
    text.chmod(0o600)
    refuse(text, r"text\.pem did not sign the bundle: (?!.*secret)")
    make = [str(ROOT / "envs/python"), "sign", "-c", MAKE_OTHER_KEYS, str(tmp_path)]
    subprocess.run(make, cwd=ROOT, env=os.environ, check=True)
    for name, why in (("rsa", "it is none of an elliptic curve"), ("secp256k1", "it is secp256k1")):
        (tmp_path / f"{name}.pem").chmod(0o600)
        refuse(tmp_path / f"{name}.pem", f"the key must be one of the curve secp256r1, .*; {why}")
    (tmp_path / "locked.pem").chmod(0o600)
    refuse(tmp_path / "locked.pem", "Password was not given but private key is encrypted")


@pytest.mark.takes(30)
def test_a_server_with_a_key_refuses_what_is_not_signed_and_goes_on(keys, tmp_path):
    root, words = tmp_path / "serving", ("--verify-key", str(keys / "own.pub.pem"))

    def signed(bias: float, version: int) -> dict[str, bytes]:
        return sign_bundle(bundle(bias), "birds", version, str(keys / "own.pem"), root / "birds" / str(version), ENV)

    put(root, "birds", 1, signed(0.0, 1))
    with running(root, options=words) as server:
        put(root, "birds", 2, bundle(1.0))
        server.until(lambda: "birds/2: BundleError: not signed" in server.said)
        assert server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 1
        altered = signed(1.0, 3) | {"schema.json": b'{"columns": {}, "custom": [] }'}  # with checksums that fit
        put(root, "birds", 3, altered)
        server.until(lambda: "birds/3: BundleError: the signature is not one of" in server.said, 60)
        assert server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 1
        put(root, "birds", 4, signed(2.0, 4))
        server.until(lambda: server.ask("POST", "/predict/birds", [ROW])[1]["version"] == 4, 60)


def test_a_server_without_its_key_does_not_start(tmp_path):
    server = running(tmp_path, options=("--verify-key", str(tmp_path / "missing.pem")))
    with pytest.raises(AssertionError, match=r"serve.verify_key: there is no file .*missing.pem"), server:
        pass


@pytest.mark.takes(30)
def test_publication_signs_and_signs_no_second_time(keys, tmp_path):
    given = stage(tmp_path) | {"sign_key": str(keys / "own.pem"), "signer": [ENV]}
    files = deploy(**given)
    folder = tmp_path / "serving/birds/1"
    assert folder / "signature.json" in files
    assert load_model(folder, keys / "own.pub.pem").version == 1
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    deploy(**given)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert "PRIVATE" not in "".join(path.read_text() for path in folder.glob("*.json"))
