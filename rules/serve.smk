"""The model server in the foreground, on loopback, for every case published; Ctrl-C ends it.

Needs: serving/ (it may still be empty: what is deployed later is picked up)
Gives: answers, and serving/<case>/requests/<day>.jsonl
"""

from scripts.provenance.environment import env_id


rule serve:
    log:
        f"logs/{CASE}/serve/serve.log",
    localrule: True
    conda:
        "../envs/serve.yaml"
    params:
        env=env_id("serve"),
        port=config["serve"]["port"],
        poll=config["serve"]["poll_seconds"],
    shell:
        "exec envs/python {params.env} scripts/serve/server.py --root serving "
        "--port {params.port} --poll {params.poll} 2> >(tee -i {log} >&2)"
