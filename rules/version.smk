"""The exact bytes of every span, checked against its pointer.

Needs: data/<case>/<span>.<format>.dvc, and the bytes: next to it, in the DVC cache or remote, or at their origin
Gives: results/<case>/version/<span>/raw/, only if ingestion has to run; likewise for side files

`snakemake version` pulls the bytes of all spans, `snakemake push` copies them to the DVC remote, `snakemake diff
--config span=S` compares two versions of a span row by row, and `snakemake purge` removes rows or spans permanently.
"""

from scripts.provenance.environment import env_id
from scripts.provenance.rule_functions import config_only_spec

ALL_POINTERS = [
    *(SPAN_POINTERS[span].pointer for span in SPANS),
    *(path for path in SIDE_FILE_PATHS.values() if path.endswith(".dvc")),
]


rule version:
    """Fetch the data of all spans."""
    input:
        collect(f"{RESULTS}/version/{{span}}/record.json", span=[*SPANS, *SIDE_FILE_PATHS]),
    localrule: True


rule fetch:
    """Fetch the raw data of a span, or a side file, and check it against its pointer."""
    input:
        pointer=ancient(pointer_path),
        changed=when_stale("fetch"),
    output:
        raw=directory(f"{RESULTS}/version/{{span}}/raw"),
        record=f"{RESULTS}/version/{{span}}/record.json",
    log:
        f"logs/{CASE}/version/{{span}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/version/{{span}}.tsv"
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        code="version/fetch version/origin",
        further="origin",
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


rule push:
    """Push the data of all spans to the DVC remote."""
    log:
        f"logs/{CASE}/version/push.log",
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        env=env_id("version"),
        pointers=ALL_POINTERS,
    shell:
        "envs/python {params.env} scripts/version/push.py --pointers {params.pointers:q} 3>&2 2> {log}"


rule diff:
    """Compare two versions of a span row by row."""
    log:
        f"logs/{CASE}/version/diff.log",
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        env=env_id("version"),
        job_spec=config_only_spec(config, "span", "old", "new", "version.key", "version.pattern", "ingest"),
        folder=f"data/{CASE}",
        results=RESULTS,
    shell:
        "envs/python {params.env} scripts/version/diff.py --job-spec {params.job_spec} --folder {params.folder}"
        " --results {params.results} 3>&2 2> {log}"


rule purge:
    """Remove rows or spans from every version."""
    log:
        f"logs/{CASE}/version/purge.log",
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        env=env_id("version"),
        job_spec=config_only_spec(
            config, "span", "rows", "expired", "confirm", "version.key", "version.pattern", "ingest"
        ),
        folder=f"data/{CASE}",
        results=RESULTS,
        others=list(SIDE_FILE_PATHS.values()),
        serving=f"serving/{CASE}",
    shell:
        "envs/python {params.env} scripts/version/purge.py --job-spec {params.job_spec} --folder {params.folder}"
        " --results {params.results} --others {params.others:q} --serving {params.serving} 3>&2 2> {log}"
