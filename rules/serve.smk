"""The model server of all published cases, in the foreground and on the loopback interface; Ctrl-C stops it.

Needs: serving/ (it may be empty: what is deployed later is picked up)
Gives: predictions, and serving/<case>/{requests,shadow}/<day>.jsonl
"""

from scripts.provenance.environment import env_id
from scripts.serve.options import list_words


rule serve:
    """Serve all published models until Ctrl-C."""
    log:
        f"logs/{CASE}/serve/serve.log",
    localrule: True
    conda:
        "../envs/serve.yaml"
    params:
        env=env_id("serve"),
        options=list_words(config["serve"]),
    shell:
        "exec envs/python {params.env} scripts/serve/server.py --root serving {params.options:q} 3>&2 2> {log}"
