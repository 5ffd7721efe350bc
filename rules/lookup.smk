"""Lookup tables of features, made from side files: word vectors, and features of the nodes of a graph.

Needs: data/<case>/<file> or its pointer data/<case>/<file>.dvc
Gives: results/<case>/preprocess/{words,nodes}/<file>/table.npz
"""

from scripts.data.natural_order import natural_sort_key


def word_vectors_path(wildcards):
    """Return the path of the word vectors that the wildcard names: the pointer, or the file if it has none."""
    return SIDE_FILES["vectors"][wildcards.file]


def edge_list_path(wildcards):
    """Return the path of the edge list that the wildcard names: the pointer, or the file if it has none."""
    return SIDE_FILES["node"][wildcards.file]


def last_training_span(wildcards):
    """Return the span at which the edge list that the wildcard names is cut: the last of training, if it has dates."""
    dated = config["preprocess"]["edges"][wildcards.file]["date"]
    return max(SPLITS["train"], key=natural_sort_key) if dated else ""


def lookup_tables():
    """Return the lookup tables of all features of the case."""
    words = [f"{RESULTS}/preprocess/words/{name}/table.npz" for name in SIDE_FILES["vectors"]]
    return words + [f"{RESULTS}/preprocess/nodes/{name}/table.npz" for name in SIDE_FILES["node"]]


checkpoint word_table:
    """Read word vectors from a side file."""
    input:
        pointer=ancient(word_vectors_path),
        raw=only_when_stale("word_table", f"{RESULTS}/version/{{file}}/raw"),
        changed=when_stale("word_table"),
    output:
        table=f"{RESULTS}/preprocess/words/{{file}}/table.npz",
        record=f"{RESULTS}/preprocess/words/{{file}}/record.json",
    log:
        f"logs/{CASE}/preprocess/words-{{file}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/preprocess/words-{{file}}.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code="preprocess/word_table",
        job=job_command,
    shell:
        "{params.job} 3>&2 2> {log}"


checkpoint node_table:
    """Compute figures of the nodes of a graph from a side file."""
    input:
        pointer=ancient(edge_list_path),
        raw=only_when_stale("node_table", f"{RESULTS}/version/{{file}}/raw"),
        changed=when_stale("node_table"),
    output:
        table=f"{RESULTS}/preprocess/nodes/{{file}}/table.npz",
        record=f"{RESULTS}/preprocess/nodes/{{file}}/record.json",
    log:
        f"logs/{CASE}/preprocess/nodes-{{file}}.log",
    benchmark:
        f"benchmarks/rules/{CASE}/preprocess/nodes-{{file}}.tsv"
    conda:
        "../envs/model.yaml"
    params:
        code="preprocess/node_table",
        cfg=cfg("preprocess.edges"),
        until=last_training_span,
        job=job_command,
    shell:
        "{params.job} --name {wildcards.file} --until '{params.until}' 3>&2 2> {log}"
