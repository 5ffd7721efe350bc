"""Rule deploy: test a blessed bundle on the real server, publish it and move the label; running servers follow."""

from pathlib import Path

from scripts.bundle.files import read_contents
from scripts.bundle.permission import check_permission
from scripts.bundle.signature import sign_bundle
from scripts.deploy.approval import digest_answers, find_approval
from scripts.deploy.publish import check_traffic, move_label, publish, staged_bundle
from scripts.deploy.smoke_test import check_answers, measure_request_ms, running_server
from scripts.errors import InputError
from scripts.provenance.canonical import file_digest, read_json, to_exact_json, write_json
from scripts.provenance.run_job import echo, main
from scripts.schema.serving_rules import extract_serving_rules
from scripts.serve.model import load_model, request_columns


def check_counterfactual(columns: list[str], contract: dict) -> None:
    """Raise InputError if a counterfactual may change one of *columns* that *contract* lacks or that is a date."""
    usable = [name for name, spec in contract["columns"].items() if spec["type"] not in ("date", "time")]
    for name in columns:
        if name not in usable:
            raise InputError(f"deploy.counterfactual: {name} is none of {', '.join(usable)}, which may be changed")


def list_ruled_columns(contract: dict) -> dict:
    """Return the columns of which requests must satisfy the data schema: all that they have or become.

    The label is none of them, although lags may be made of earlier labels: that of a row to predict is not known.
    """
    label = contract.get("label", {}).get("column")
    return {name: dtype for name, dtype in (contract["columns"] | request_columns(contract)).items() if name != label}


def deploy(
    bundle: Path,
    version: Path,
    blessing: Path,
    rules: Path,
    published: Path,
    serving: Path,
    case: str,
    label: str,
    traffic: dict,
    counterfactual: list,
    approval: str,
    approvals: list[Path],
    sign_key: str | None,
    signer: list[str],
    max_latency_ms: float,
    max_size_mb: float,
    log: dict,
) -> list[Path]:
    """Publish the bundle in *serving*/*case*/<version>/ and return its files there; *published* lists them.

    The part of *rules* (the checked schema) that applies to requests is published with it, and *traffic*, which says
    which labels answer requests that name no version, and *log*, what the request log may hold. The contract says which
    columns a *counterfactual* may change.

    Where *approval* is "required", the files *approvals* must permit the bundle; the lineage then says who did. The
    private key *sign_key*, if given, signs it, by the program in the environment *signer*.

    Raises InputError, without changing what is served, if the bundle is not blessed, not approved, is not the one that
    was registered, is too large or too slow, does not reproduce its golden rows, or *traffic* names an unknown label.
    """
    registered, granted = read_json(version), read_json(blessing)
    check_permission(case, bundle, registered, granted)
    lineage = registered["lineage"]
    contract = read_json(bundle / "contract.json")
    check_counterfactual(counterfactual, contract)
    decided = {key: granted[key] for key in ("threshold", "conformal") if key in granted}
    decided |= {"counterfactual": counterfactual} if counterfactual else {}
    contents = read_contents(bundle) | {
        "contract.json": to_exact_json(contract | decided),
        "schema.json": to_exact_json(extract_serving_rules(read_json(rules), list_ruled_columns(contract))),
    }
    if approval == "required":
        lineage |= {"approval": find_approval(case, digest_answers(contents), approvals)}
    contents["lineage.json"] = to_exact_json(lineage)
    size = sum(map(len, contents.values())) / 1e6
    if size > max_size_mb:
        raise InputError(f"the bundle is {size:.3g} MB large, deploy.max_size_mb allows {max_size_mb:g}")
    number = registered["version"]
    check_traffic(serving / case, traffic, label)
    if sign_key:
        contents = sign_bundle(contents, case, number, sign_key, serving / case / str(number), *signer)
    with staged_bundle(serving, case, number, contents) as root:
        with running_server(root) as connection:
            path = f"/predict/{case}/versions/{number}"
            rows = check_answers(
                connection, path, load_model(root / case / str(number)), read_json(bundle / "golden.json")["rows"]
            )
            latency = measure_request_ms(connection, path, rows)
        if latency > max_latency_ms:
            raise InputError(f"a row takes {latency:.3g} ms (median), deploy.max_latency_ms allows {max_latency_ms:g}")
        files = publish(root / case / str(number), serving / case / str(number))
    write_json(serving / case / "log.json", log)  # before the first request to a new version
    write_json(serving / case / "traffic.json", traffic)
    before = move_label(serving / case, label, number)
    digests = {str(path.relative_to(serving)): file_digest(path) for path in files}
    write_json(
        published,
        {"case": case, "version": number, "bundle": registered["bundle"], "label": label, "files": digests},
    )
    moved = f"from version {before} " if before not in (None, number) else ""
    echo(f"{case}: {label} moved {moved}to version {number} ({size:.3g} MB, {latency:.2g} ms a row)")
    return files


if __name__ == "__main__":
    main(deploy)
