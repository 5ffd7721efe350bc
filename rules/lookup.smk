"""Tables that features look up by name, made of files beside the rows: word vectors, figures of the nodes of a graph.

Needs: data/<case>/<file> or its pointer data/<case>/<file>.dvc
Gives: results/<case>/preprocess/{words,nodes}/<file>/table.npz
"""


def words_of(wildcards):
    """Return the pointer of the file of word vectors that the wildcard names, or the file where it has none."""
    return LOOKUPS["vectors"][wildcards.file]


def nodes_of(wildcards):
    """Return the pointer of the edge list that the wildcard names, or the file where it has none."""
    return LOOKUPS["node"][wildcards.file]


def lookups():
    """Return the tables that the features of the case look up."""
    words = [f"{RESULTS}/preprocess/words/{name}/table.npz" for name in LOOKUPS["vectors"]]
    return words + [f"{RESULTS}/preprocess/nodes/{name}/table.npz" for name in LOOKUPS["node"]]


checkpoint word_table:
    input:
        pointer=ancient(words_of),
        raw=needed("word_table", f"{RESULTS}/version/{{file}}/raw"),
        changed=changed("word_table"),
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
        job=job,
    shell:
        "{params.job} --raw {input.raw} --table {output.table} 3>&2 2> {log}"


checkpoint node_table:
    input:
        pointer=ancient(nodes_of),
        raw=needed("node_table", f"{RESULTS}/version/{{file}}/raw"),
        changed=changed("node_table"),
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
        job=job,
    shell:
        "{params.job} --raw {input.raw} --table {output.table} --name {wildcards.file} 3>&2 2> {log}"
