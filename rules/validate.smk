"""Statistics, their comparison with the schema, and the gate that stops the run on an anomaly.

Needs: results/<case>/ingest/<span>/<split>/, data/<case>/schema.yaml
Gives: results/<case>/validate/statistics/<span>/<split>/statistics.json, validate/anomalies/anomalies.json,
validate/gate/granted.json (permission)
"""

SCHEMA = f"data/{CASE}/schema.yaml"


rule validate:
    input:
        f"{RESULTS}/validate/gate/record.json",
    localrule: True


checkpoint statistics:
    input:
        table=ancient(f"{RESULTS}/ingest/{{span}}/{{split}}"),
        changed=changed("statistics"),
    output:
        statistics=f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json",
        record=f"{RESULTS}/validate/statistics/{{span}}/{{split}}/record.json",
    log:
        f"logs/{CASE}/validate/statistics/{{span}}-{{split}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/statistics/{{span}}-{{split}}.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="validate/statistics",
        cfg=cfg("validate.top", "preprocess.label"),
        job=job,
    shell:
        "{params.job} --table {input.table} --statistics {output.statistics} 3>&2 2> {log}"


checkpoint anomalies:
    input:
        statistics=ancient(each_part(f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json")),
        schema=ancient(SCHEMA),
        changed=changed("anomalies"),
    output:
        anomalies=f"{RESULTS}/validate/anomalies/anomalies.json",
        record=f"{RESULTS}/validate/anomalies/record.json",
    log:
        f"logs/{CASE}/validate/anomalies.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/anomalies.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="validate/anomalies",
        cfg=cfg("windows"),
        job=job,
    shell:
        "{params.job} --statistics {input.statistics} --schema {input.schema}"
        " --anomalies {output.anomalies} 3>&2 2> {log}"


checkpoint gate_data:
    input:
        anomalies=ancient(f"{RESULTS}/validate/anomalies/anomalies.json"),
        changed=changed("gate_data"),
    output:
        granted=f"{RESULTS}/validate/gate/granted.json",
        record=f"{RESULTS}/validate/gate/record.json",
    log:
        f"logs/{CASE}/validate/gate.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/gate.tsv"
    localrule: True
    conda:
        "../envs/table.yaml"
    params:
        code="validate/gate",
        cfg=cfg("validate.alert_command"),
        alert=f"{RESULTS}/validate/alert.txt",
        job=job,
    shell:
        "{params.job} --anomalies {input.anomalies} --alert {params.alert} --granted {output.granted} 3>&2 2> {log}"
