"""The exact bytes of every span, checked against its pointer.

Needs: data/<case>/<span>.<format>.dvc, and the bytes beside it, in the DVC cache or remote, or at their origin.
Gives: results/<case>/version/<span>/raw/, only where ingestion has to run
"""


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
