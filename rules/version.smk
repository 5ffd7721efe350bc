"""The exact bytes of every span, checked against its pointer.

Needs: data/<case>/<span>.<format>.dvc, and the bytes beside it, in the DVC cache or remote, or at their origin.
Gives: results/<case>/version/<span>/raw/, only where ingestion has to run; the same of files beside the rows

`snakemake version` brings the bytes of all spans here (pulls them), `snakemake push` brings them to the DVC remote,
`snakemake diff --config span=S` tells two versions apart row by row, `snakemake purge` removes rows or spans for good.
"""

from scripts.provenance.environment import env_id
from scripts.provenance.snakemake_api import question

POINTERS = [*(SOURCES[span].pointer for span in SPANS), *(path for path in BESIDE.values() if path.endswith(".dvc"))]


rule version:
    input:
        collect(f"{RESULTS}/version/{{span}}/record.json", span=[*SPANS, *BESIDE]),
    localrule: True


rule fetch:
    input:
        pointer=ancient(pointer_of),
        changed=changed("fetch"),
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
        job=job,
    shell:
        "{params.job} --pointer {input.pointer} --raw {output.raw} 3>&2 2> {log}"


rule push:
    log:
        f"logs/{CASE}/version/push.log",
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        env=env_id("version"),
        pointers=POINTERS,
    shell:
        "envs/python {params.env} scripts/version/push.py --pointers {params.pointers} 3>&2 2> {log}"


rule diff:
    log:
        f"logs/{CASE}/version/diff.log",
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        env=env_id("version"),
        stamp=question(config, "span", "old", "new", "version.key", "version.pattern", "ingest"),
        folder=f"data/{CASE}",
        results=RESULTS,
    shell:
        "envs/python {params.env} scripts/version/diff.py --stamp {params.stamp} --folder {params.folder}"
        " --results {params.results} 3>&2 2> {log}"


rule purge:
    log:
        f"logs/{CASE}/version/purge.log",
    localrule: True
    conda:
        "../envs/version.yaml"
    params:
        env=env_id("version"),
        stamp=question(config, "span", "rows", "expired", "confirm", "version.key", "version.pattern", "ingest"),
        folder=f"data/{CASE}",
        results=RESULTS,
        others=list(BESIDE.values()),
    shell:
        "envs/python {params.env} scripts/version/purge.py --stamp {params.stamp} --folder {params.folder}"
        " --results {params.results} --others {params.others} 3>&2 2> {log}"
