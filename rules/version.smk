"""The exact bytes of every span, checked against its pointer.

Needs: data/<case>/<span>.csv.dvc, and the bytes beside it, in the DVC cache or remote, or at their origin.
Gives: results/<case>/version/<span>/data.csv
"""


rule version:
    input:
        collect(f"{RESULTS}/version/{{span}}/record.json", span=SPANS),
    localrule: True


checkpoint fetch:
    input:
        pointer=ancient(f"data/{CASE}/{{span}}.csv.dvc"),
        changed=changed("fetch"),
    output:
        data=f"{RESULTS}/version/{{span}}/data.csv",
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
        "{params.job} --pointer {input.pointer} --data {output.data} 3>&2 2> {log}"
