"""The exact bytes of every span, checked against its pointer.

Needs: data/<case>/<span>.<format>.dvc, and the bytes beside it, in the DVC cache or remote, or at their origin.
Gives: results/<case>/version/<span>/raw/, only where ingestion has to run

`snakemake version` brings the bytes of all spans here (pulls them), `snakemake push` brings them to the DVC remote.
"""

from scripts.spine.env import env_id


rule version:
    input:
        collect(f"{RESULTS}/version/{{span}}/record.json", span=SPANS),
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
        pointers=[SOURCES[span].pointer for span in SPANS],
    shell:
        "envs/python {params.env} scripts/version/push.py --pointers {params.pointers} 3>&2 2> {log}"
