"""One HTML report: data, drift, tuning, model and gate.

Needs: results/<case>/register/version.json, analyze/gate/blessing.json, analyze/metrics/{metrics,dependence}.json,
       tune/trials.json, validate/anomalies/anomalies.json,
       validate/statistics/<span>/<split>/statistics.json, report/*, scripts/templates/*; feedback/feedback.json if
       `snakemake feedback` has run
Gives: results/<case>/report/report.html
"""

REPORTED = [path for path in [f"{RESULTS}/feedback/feedback.json"] if os.path.exists(path)]
PROGRAMS = ["trials", "brush", "threshold"]
TEMPLATES = ["base", "page", "parts"]


checkpoint report:
    """Write the report."""
    input:
        version=ancient(f"{RESULTS}/register/version.json"),
        blessing=ancient(f"{RESULTS}/analyze/gate/blessing.json"),
        statistics=ancient(each_part(f"{RESULTS}/validate/statistics/{{span}}/{{split}}/statistics.json")),
        anomalies=ancient(f"{RESULTS}/validate/anomalies/anomalies.json"),
        trials=ancient(f"{RESULTS}/tune/trials.json"),
        metrics=ancient(f"{RESULTS}/analyze/metrics/metrics.json"),
        dependence=ancient(f"{RESULTS}/analyze/metrics/dependence.json"),
        captions=ancient("report/captions.md"),
        templates=ancient(collect("scripts/templates/{name}.html.j2", name=TEMPLATES)),
        style=ancient("report/style.css"),
        scripts=ancient(collect("report/{name}.js", name=PROGRAMS)),
        feedback=ancient(REPORTED),
        changed=when_stale("report"),
    output:
        report=f"{RESULTS}/report/report.html",
        record=f"{RESULTS}/report/record.json",
    log:
        f"logs/{CASE}/report/report.log",
    benchmark:
        f"benchmarks/rules/{CASE}/report/report.tsv"
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        code=f"report/report {FAMILIES}",
        cfg=cfg("title", "tune.families", "preprocess.features", "serve.port"),
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"
