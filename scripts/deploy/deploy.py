"""Check a blessed bundle on the real server, publish it and move the label; running servers pick it up."""

from pathlib import Path

from scripts.bundle.files import contents_of, identity
from scripts.deploy.publish import move_label, publish, staged
from scripts.deploy.smoke_test import check_answers, latency_ms, running
from scripts.errors import BadInput
from scripts.provenance.canonical import exact, file_digest, read_json, write_json
from scripts.provenance.run_job import main, say
from scripts.schema.check_row import served
from scripts.serve.model import load


def check_permission(case: str, bundle: Path, version: dict, blessing: dict) -> None:
    """Raise BadInput unless *blessing* permits *bundle* and *version* is the number of just this bundle of *case*."""
    if blessing.get("blessed") is not True:
        raise BadInput(f"{bundle} is not blessed, so it is not published; see analyze.gate in the configuration")
    digest = identity(bundle)
    if blessing["bundle"] != digest:
        raise BadInput(f"{bundle} (sha256 {digest[:12]}) is not the bundle that was blessed; run snakemake analyze")
    if (version["case"], version["bundle"]) != (case, digest):
        raise BadInput(
            f"{bundle} (sha256 {digest[:12]}) is not what was registered as version {version['version']} of "
            f"{version['case']} (sha256 {version['bundle'][:12]}); run snakemake register"
        )


def deploy(
    bundle: Path,
    version: Path,
    blessing: Path,
    rules: Path,
    published: Path,
    serving: Path,
    case: str,
    label: str,
    max_latency_ms: float,
    max_size_mb: float,
) -> list[Path]:
    """Publish the bundle under *serving*/*case*/<version>/ and return its files there; *published* lists them.

    The part of *rules*, the checked schema, that requests must keep goes with it.

    Raises BadInput, leaving what is served as it is, if the bundle is not blessed, not the registered one, too large,
    too slow, or answers other than its golden rows.
    """
    registered, granted = read_json(version), read_json(blessing)
    check_permission(case, bundle, registered, granted)
    contract = read_json(bundle / "contract.json")
    contents = contents_of(bundle) | {
        "contract.json": exact(contract | {"threshold": granted["threshold"]}),
        "lineage.json": exact(registered["lineage"]),
        "schema.json": exact(served(read_json(rules), contract["columns"])),
    }
    size = sum(map(len, contents.values())) / 1e6
    if size > max_size_mb:
        raise BadInput(f"the bundle has {size:.3g} MB, deploy.max_size_mb allows {max_size_mb:g}")
    number = registered["version"]
    with staged(serving, case, number, contents) as root:
        with running(root) as connection:
            path = f"/predict/{case}/versions/{number}"
            rows = check_answers(
                connection, path, load(root / case / str(number)), read_json(bundle / "golden.json")["rows"]
            )
            latency = latency_ms(connection, path, rows)
        if latency > max_latency_ms:
            raise BadInput(f"a row takes {latency:.3g} ms (median), deploy.max_latency_ms allows {max_latency_ms:g}")
        files = publish(root / case / str(number), serving / case / str(number))
    before = move_label(serving / case, label, number)
    digests = {str(path.relative_to(serving)): file_digest(path) for path in files}
    write_json(
        published,
        {"case": case, "version": number, "bundle": registered["bundle"], "label": label, "files": digests},
    )
    moved = f"from version {before} " if before not in (None, number) else ""
    say(f"{case}: {label} moved {moved}to version {number} ({size:.3g} MB, {latency:.2g} ms a row)")
    return files


if __name__ == "__main__":
    main(deploy)
