"""Questions about the results, which change nothing.

`snakemake explain` (or explain_json): why is what stale; exit code 1 if anything is.
`snakemake verify`: are all outputs as their jobs wrote them.
`snakemake envs`: build all environments now (on a login node, say).
"""

from scripts.spine.explain import answer

DEPLOYED = [f"{RESULTS}/deploy/record.json"]


def explain_text(wildcards):
    """Answer while the graph is built, the earliest moment at which all is known."""
    answer(graph, DEPLOYED, "text")


def explain_data(wildcards):
    """The same as JSON."""
    answer(graph, DEPLOYED, "json")


rule explain:
    localrule: True
    input:
        explain_text,


rule explain_json:
    localrule: True
    input:
        explain_data,


rule verify:
    localrule: True
    params:
        folder=RESULTS,
        python=sys.executable,
    shell:
        "PYTHONPATH=. {params.python} scripts/spine/verify.py {params.folder}"


rule envs:
    localrule: True
    params:
        python=sys.executable,
    shell:
        "{params.python} envs/build"
