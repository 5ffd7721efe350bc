"""Statistics and row checks against the schema, the anomalies, and the gate that stops the run if there are any.

Needs: results/<case>/ingest/<span>/<split>/, data/<case>/schema.yaml, data/<case>/waivers.yaml (if there are waivers),
       scripts/templates/*, report/style.css
Gives: results/<case>/validate/{statistics,checks}/<span>/<split>/*.json, validate/anomalies/{anomalies.json,
anomalies.html,schema.json}, validate/gate/granted.json (permission)
"""

from scripts.config.load import check_data_schema
from scripts.schema.waivers import waivers_in_force

SCHEMA = [path for path in [f"data/{CASE}/schema.yaml"] if os.path.exists(path)]
for path in SCHEMA:
    check_data_schema(Path(path), config["preprocess"]["features"])
WAIVERS = waivers_in_force(Path(f"data/{CASE}/waivers.yaml"), today())
STATISTICS = each_part(f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json")
UNIT = {"unit": "analyze.unit"} if config["analyze"]["unit"] and ROW_LEVEL_SPLITS else {}  # may be on both sides
CHECKS_LEAKS = config["version"]["key"] or config["validate"]["duplicates"] or UNIT
PROPOSAL = f"{RESULTS}/validate/proposal/schema.yaml"


rule validate:
    """Validate the data, up to its gate."""
    input:
        f"{RESULTS}/validate/gate/record.json",
    localrule: True


checkpoint statistics:
    """Statistics of the columns of a span."""
    input:
        table=ancient(f"{RESULTS}/ingest/{{span}}/{{split}}"),
        changed=when_stale("statistics"),
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
        cfg=cfg("validate.top", "validate.slices", "validate.min_slice", "preprocess.label"),
        job=job_command,
    shell:
        "{params.job} --workers {threads} 3>&2 2> {log}"


checkpoint check_rows:
    """Check each row of a span against the schema."""
    input:
        table=ancient(f"{RESULTS}/ingest/{{span}}/{{split}}"),
        schema=ancient(SCHEMA),
        changed=when_stale("check_rows"),
    output:
        checks=f"{RESULTS}/validate/checks/{{span}}/{{split}}/checks.json",
        record=f"{RESULTS}/validate/checks/{{span}}/{{split}}/record.json",
    log:
        f"logs/{CASE}/validate/checks/{{span}}-{{split}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/checks/{{span}}-{{split}}.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="validate/check_rows",
        cfg=cfg("version.key"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint anomalies:
    """Find anomalies in statistics, rows and drift."""
    input:
        statistics=ancient(STATISTICS),
        checks=ancient(SCHEMA and each_part(f"{RESULTS}/validate/checks/{{span}}/{{split}}/checks.json")),
        tables=ancient(each_part(f"{RESULTS}/ingest/{{span}}/{{split}}") if CHECKS_LEAKS else []),
        proposal=ancient([] if SCHEMA else [PROPOSAL]),
        schema=ancient(SCHEMA),
        templates=ancient(collect("scripts/templates/{name}.html.j2", name=["base", "anomalies"])),
        style=ancient("report/style.css"),
        changed=when_stale("anomalies"),
    output:
        anomalies=f"{RESULTS}/validate/anomalies/anomalies.json",
        page_file=f"{RESULTS}/validate/anomalies/anomalies.html",
        rules=f"{RESULTS}/validate/anomalies/schema.json",
        record=f"{RESULTS}/validate/anomalies/record.json",
    log:
        f"logs/{CASE}/validate/anomalies.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/anomalies.tsv"
    conda:
        "../envs/table.yaml"
    params:
        code="validate/anomalies",
        cfg=cfg("version.key", "validate.duplicates", "windows", "case", **UNIT),
        waivers=WAIVERS,
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint gate_data:
    """Gate: stop and alert unless the data may be used."""
    input:
        anomalies=ancient(f"{RESULTS}/validate/anomalies/anomalies.json"),
        page=ancient(f"{RESULTS}/validate/anomalies/anomalies.html"),
        changed=when_stale("gate_data"),
    output:
        granted=f"{RESULTS}/validate/gate/granted.json",
        record=f"{RESULTS}/validate/gate/record.json",
    log:
        f"logs/{CASE}/validate/gate.log",
    benchmark:
        f"benchmarks/rules/{CASE}/validate/gate.tsv"
    retries: 0
    localrule: True
    conda:
        "../envs/alert.yaml"
    params:
        code="validate/gate",
        cfg=cfg("validate.alert", "case"),
        alert_file=f"{RESULTS}/validate/alert.txt",
        job=job_command,
    shell:
        "{params.job} --alert_file {params.alert_file} 3>&2 2> {log}"
