"""The blessed bundle: tested on the real server, published for running servers, and the deployment label moved to it.

Needs: results/<case>/{train/bundle/,register/version.json,analyze/gate/blessing.json,validate/anomalies/schema.json};
where deploy.approval is required, approvals/<case>.yaml
Gives: results/<case>/deploy/published.json, serving/<case>/<version>/, serving/<case>/{labels,traffic,log}.json

To go back to an earlier version: python -m scripts.deploy.rollback --case birds --version 2
"""

from scripts.provenance.environment import env_id

APPROVALS = f"approvals/{CASE}.yaml"
APPROVALS = [APPROVALS] if config["deploy"]["approval"] == "required" and os.path.exists(APPROVALS) else []
SIGNING = "bundle/model_signature" if config["deploy"]["sign_key"] else ""  # code of the job only if it signs
SIGNER = [env_id("sign")] if config["deploy"]["sign_key"] else []
DEPLOY_KEYS = [  # all but the label
    "case",
    "deploy.traffic",
    "deploy.counterfactual",
    "deploy.approval",
    "deploy.sign_key",
    "deploy.max_latency_ms",
    "deploy.max_size_mb",
    "feedback.log",
]


checkpoint deploy:
    """Test the bundle on the real server and publish it."""
    input:
        bundle=ancient(f"{RESULTS}/train/bundle"),
        version=ancient(f"{RESULTS}/register/version.json"),
        blessing=ancient(f"{RESULTS}/analyze/gate/blessing.json"),
        rules=ancient(f"{RESULTS}/validate/anomalies/schema.json"),
        approvals=ancient(APPROVALS),
        hook_files=ancient(HOOK_FILES),
        changed=when_stale("deploy"),
    output:
        published=f"{RESULTS}/deploy/published.json",
        record=f"{RESULTS}/deploy/record.json",
    log:
        f"logs/{CASE}/deploy/deploy.log",
    benchmark:
        f"benchmarks/rules/{CASE}/deploy/deploy.tsv"
    localrule: True
    conda:
        "../envs/serve.yaml"
    params:
        code=f"deploy/deploy serve/server {SIGNING} {HOOKS} {ESTIMATORS}",
        cfg=cfg(*DEPLOY_KEYS, "deploy.label"),
        signer=SIGNER,
        job=job_command,
    shell:
        "{params.job} --serving serving --signer {params.signer} 3>&2 2> {log}"
