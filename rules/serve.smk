"""The model server of all published cases, in the foreground and on the loopback interface; Ctrl-C stops it.

Needs: serving/ (it may be empty: what is deployed later is picked up)
Gives: predictions, and serving/<case>/{requests,shadow}/<day>.jsonl
"""

from scripts.provenance.environment import env_id


rule serve:
    """Serve all published models until Ctrl-C."""
    log:
        f"logs/{CASE}/serve/serve.log",
    localrule: True
    conda:
        "../envs/serve.yaml"
    params:
        env=env_id("serve"),
        port=config["serve"]["port"],
        grpc=[f"--grpc-port {port}" for port in [config["serve"]["grpc_port"]] if port is not None],
        poll=config["serve"]["poll_seconds"],
        verify=[word for key in [config["serve"]["verify_key"]] if key for word in ("--verify-key", key)],
        batch=[
            "--batch {rows} {delay_ms} {queue}".format(**batching) + " --batch-onnx" * batching["onnx"]
            for batching in [config["serve"]["batching"]]
            if batching["rows"]
        ],
    shell:
        "exec envs/python {params.env} scripts/serve/server.py --root serving --port {params.port} {params.grpc} "
        "--poll {params.poll} {params.batch} {params.verify:q} 3>&2 2> {log}"
