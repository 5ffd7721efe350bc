"""The table of edits: what is changed, the root cause that must be named, and exactly the jobs that must run."""

import datetime
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.bundle.published import CHECKSUMS
from scripts.deploy.approval import digest_answers
from scripts.provenance.environment import env_id
from tests import tiny
from tests.workflow import ROOT, environment

SPANS = tiny.SPANS
ROOT_ENV = environment()


def each(rule: str, values: list[str] = SPANS) -> set[str]:
    """Return the jobs of *rule* for each value of its wildcard."""
    return {f"{rule} {value}" for value in values}


def described(spans: list[str] = SPANS) -> set[str]:
    """Return the jobs that look at the ingested rows of *spans* for validation."""
    return each("statistics", [f"{span} all" for span in spans]) | each("check_rows", [f"{span} all" for span in spans])


STATISTICS = each("statistics", [f"{span} all" for span in SPANS])
ROWS = each("check_rows", [f"{span} all" for span in SPANS])
SUMMARIZE = each("summarize", ["2001 all", "2002 all"])
TRANSFORM = each("transform", ["train", "eval"])
RELEASE = {"gate_model", "register_model", "deploy"}
FROM_TRAIN = {"train", "metrics"} | RELEASE
FROM_GRAPH = {"fit_graph", "tune", "sentinel"} | TRANSFORM | FROM_TRAIN
CHECKS = {"anomalies", "gate_data"}
ALL = each("fetch") | each("ingest_span") | described() | CHECKS | SUMMARIZE | FROM_GRAPH


@dataclass
class Edit:
    """One line of the table. *before* is done and deployed first; *words* go to the counted run."""

    name: str
    do: Callable[[Path], object]
    ran: set[str]
    cause: str = ""
    before: Callable[[Path], object] | None = None
    words: tuple[str, ...] = ()


def replace(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return the edit that replaces the one place where *old* stands in the file."""

    def do(root: Path) -> None:
        text = (root / path).read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path}"
        (root / path).write_text(text.replace(old, new))

    return do


def append(path: str, text: str) -> Callable[[Path], None]:
    """Return the edit that adds *text* to the end of the file."""

    def do(root: Path) -> None:
        with open(root / path, "a") as file:
            file.write(text)

    return do


def case(old: str, new: str) -> Callable[[Path], None]:
    """Return an edit of the tiny case's configuration."""
    return replace("config/cases/tiny.yaml", old, new)


def earlier(c: str) -> Callable[[Path], None]:
    """Return the edit that writes a best.json of an earlier sweep."""

    def do(root: Path) -> None:
        (root / "earlier.json").write_text(f'{{"family": "logistic", "params": {{"C": {c}}}, "seed": 1}}')

    return do


def section(text: str) -> Callable[[Path], None]:
    """Return the edit that adds lines to the end of the tiny case's configuration."""
    return append("config/cases/tiny.yaml", text)


def remove(path: str) -> Callable[[Path], None]:
    """Return the edit that deletes a file or folder."""

    def do(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return do


def touch(*patterns: str, when: float | None = None) -> Callable[[Path], None]:
    """Return the edit that sets the modification time of all files that match (now by default)."""

    def do(root: Path) -> None:
        for pattern in patterns:
            for path in root.glob(pattern):
                os.utime(path, None if when is None else (when, when))

    return do


def write(path: str, text: str) -> Callable[[Path], None]:
    """Return the edit that gives a file another content."""

    def do(root: Path) -> None:
        (root / path).write_text(text)

    return do


def both(*edits: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return the edit that does all of *edits*."""

    def do(root: Path) -> None:
        for edit in edits:
            edit(root)

    return do


def reformat(root: Path) -> None:
    """Let a formatter with another line length go over all scripts."""
    command = [sys.executable, "-m", "ruff", "format", "--quiet", "--line-length", "72", "scripts"]
    subprocess.run(command, cwd=root, check=True)


def new_rows(span: str, column: int, value: str, row: int = 3) -> Callable[[Path], None]:
    """Return the edit that changes one field of a span and makes that a new version."""

    def do(root: Path) -> None:
        rows = tiny.rows(span)
        assert rows[row][column] != value
        rows[row][column] = value
        tiny.write_span(root / "data/tiny", span, rows)

    return do


def reordered(span: str) -> Callable[[Path], None]:
    """Return the edit that makes a new version of a span: the same rows in another order."""

    def do(root: Path) -> None:
        tiny.write_span(root / "data/tiny", span, tiny.rows(span)[::-1])

    return do


def keeping_times(span: str, edit: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return *edit* with the modification times of the span's file and pointer put back."""

    def do(root: Path) -> None:
        paths = [root / f"data/tiny/{span}.csv", root / f"data/tiny/{span}.csv.dvc"]
        times = [(path.stat().st_atime_ns, path.stat().st_mtime_ns) for path in paths]
        edit(root)
        for path, ns in zip(paths, times, strict=True):
            os.utime(path, ns=ns)

    return do


def dvc(root: Path, *words: str) -> None:
    """Run DVC from its own environment."""
    (python,) = Path(ROOT_ENV["OUROBOROS_ENVS"]).glob(f"{env('version')}/bin/python")
    subprocess.run([python, "-m", "dvc", *words], cwd=root, env=ROOT_ENV, check=True, capture_output=True)


def env(name: str) -> str:
    """Return the identity of an environment."""
    return env_id(name, ROOT / "envs")


def two_versions(root: Path) -> None:
    """Put both versions of a span into DVC's cache, hard-linked, the second one in use."""
    dvc(root, "config", "cache.type", "hardlink")
    dvc(root, "add", "data/tiny/2001.csv")
    subprocess.run(["git", "commit", "--quiet", "-am", "one"], cwd=root, check=True, env=COMMIT)
    new_rows("2001", 1, "29.5")(root)
    dvc(root, "add", "data/tiny/2001.csv")


COMMIT = ROOT_ENV | {f"GIT_{who}_{what}": "test@test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def older_version(root: Path) -> None:
    """Go back to the first version by git and DVC: the data file is a hard link with an old time."""
    subprocess.run(["git", "checkout", "--quiet", "HEAD", "--", "data/tiny/2001.csv.dvc"], cwd=root, check=True)
    dvc(root, "checkout", "--force", "data/tiny/2001.csv.dvc")


def fresh_clone(root: Path) -> None:
    """Make the checkout a fresh clone with pulled results: no .snakemake, times in no order at all."""
    shutil.rmtree(root / ".snakemake")
    for number, path in enumerate(sorted(root.rglob("*"), key=lambda path: hash(str(path)))):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (1.6e9 + number, 1.6e9 + number))


def retention(day: str) -> Callable[[Path], None]:
    """Return the edit that says until when a training span may be kept."""

    def do(root: Path) -> None:
        path = root / "data/tiny/2001.csv.dvc"
        path.write_text(f"{path.read_text().partition('meta:')[0]}meta: {{retention: {day}}}\n")

    return do


def add_span(root: Path) -> None:
    tiny.write_span(root / "data/tiny", "2000", tiny.rows("2000"))
    case('train: ["2001", "2002"]', 'train: ["2000", "2001", "2002"]')(root)


def add_hook(root: Path) -> None:
    """Give the case a feature by a user's own module, which imports another one."""
    folder = root / "scripts/custom"
    folder.mkdir()
    (folder / "helper.py").write_text("def one():\n    return 1\n")
    text = (
        "import numpy\n\nfrom scripts.custom.helper import one\n\n\ndef fit(values, options):\n    return one()\n\n\n"
    )
    text += "def transform(values, state):\n    return numpy.full((len(values), 1), float(one()))\n\n\n"
    (folder / "shape.py").write_text(f'{text}def names(state):\n    return ["one"]\n')
    case("    day: season\n", "    day: season\n    id: {kind: hook, module: shape}\n")(root)


def hook_that_reads(declared: str) -> Callable[[Path], None]:
    """Return the edit that adds a hook outside scripts/, with a neighbour that reads a file, and what is declared."""

    def do(root: Path) -> None:
        folder = root / "hooks/parcels"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("SCALE = 1\n")
        (folder / "weights.json").write_text("[1]")
        reading = "import json\nfrom pathlib import Path\n\nfrom . import SCALE\n\n"
        reading += "VALUES = json.loads(Path(__file__).with_name('weights.json').read_text())\n"
        (folder / "neighbour.py").write_text(reading)
        text = "import numpy\n\nfrom .neighbour import SCALE, VALUES\n\n\ndef fit(values, options):\n    return VALUES\n\n\n"
        text += "def transform(values, state):\n    return numpy.full((len(values), 1), SCALE * float(VALUES[0]))\n\n\n"
        (folder / "shape.py").write_text(f'{text}def names(state):\n    return ["one"]\n')
        case(
            "    day: season\n", f"    day: season\n    id: {{kind: hook, module: hooks/parcels/shape.py{declared}}}\n"
        )(root)

    return do


def spare(root: Path) -> None:
    """Add a span before all others that no window takes."""
    tiny.write_span(root / "data/tiny", "2000", tiny.rows("2000"))


def spare_rows(root: Path) -> None:
    """Make a new version of that span."""
    tiny.write_span(root / "data/tiny", "2000", tiny.rows("1999"))


def rolling(root: Path) -> None:
    """Say the same windows by rules: the four latest spans."""
    lists = 'train: ["2001", "2002"]\n  eval: ["2003"]\n  test: ["2004"]\n'
    rules = "train: {last: 2, skip: 2}\n  eval: {last: 1, skip: 1}\n  test: {last: 1}\n"
    case(lists, rules)(root)


def add_latest(root: Path) -> None:
    """Add a span after all others, which every rolling window moves to."""
    tiny.write_span(root / "data/tiny", "2005", tiny.rows("2005"))


ROADS = "source,target,weight\nred,green,1\ngreen,blue,2\nblue,black,1\n"


def beside(root: Path) -> None:
    """Add an edge list, and word vectors with a pointer, that features of the tiny case need."""
    write_beside("roads.csv", ROADS)(root)
    write_beside("glove.txt", "rain 1 0\nbox 0 1\n", with_pointer=True)(root)
    case("colour: category", "colour: [category, {kind: node, edges: roads.csv}]")(root)
    case("note: text\n    day: s", "note: [text, {kind: vectors, source: glove.txt}]\n    day: s")(root)
    case("  terms: 20\n", "  terms: 20\n  edges: {roads.csv: {size: 2}}\n")(root)


def write_beside(name: str, content: str, with_pointer: bool = False) -> Callable[[Path], None]:
    """Return the edit that writes a file beside the rows."""

    def do(root: Path) -> None:
        path = root / "data/tiny" / name
        path.write_text(content)
        if with_pointer:
            tiny.write_pointer(path)

    return do


def approve(root: Path) -> None:
    """Approve what is published."""
    (published,) = (root / "serving/tiny").glob("[0-9]*")
    digest = digest_answers({path.name: path.read_bytes() for path in published.iterdir() if path.name != CHECKSUMS})
    (root / "approvals").mkdir()
    (root / "approvals/tiny.yaml").write_text(f"- {{digest: '{digest}', by: A, date: 2026-01-31, seen: the report}}\n")


def rule_params(text: str) -> Callable[[Path], None]:
    """Return the edit that gives the data gate's rule further parameters."""
    return replace("rules/validate.smk", '        code="validate/gate",\n', f'        code="validate/gate",\n{text}')


def rule_inputs(text: str) -> Callable[[Path], None]:
    """Return the edit that gives the data gate's rule further inputs."""
    old = '        changed=when_stale("gate_data"),\n'
    return replace("rules/validate.smk", old, text + old)


def gate_shell(old: str, new: str) -> Callable[[Path], None]:
    """Return an edit of the shell line of the data gate's rule."""
    return replace("rules/validate.smk", old, new)


GATE_LINE = '"{params.job} --alert'
MODULE = "_ADDED = 1\n"
DECLARED = ", files: [hooks/parcels/weights.json]"
HOOK_BY_PATH = hook_that_reads(DECLARED)
LEARNS_FROM_LABELS = case("colour: category", "colour: {kind: category, encode: target}")
LIMIT_OF_CHANGE = case("roc_auc: {min: 0.6}", "roc_auc: {min: 0.6, drop: 0.5}")
CUSTOM = TRANSFORM | {"fit_graph", "train", "metrics", "sentinel", "register_model", "deploy"}
DATE = datetime.date(2020, 1, 2)
CHANGED_SPAN = {"fetch 2001", "ingest_span 2001", "summarize 2001 all"} | described(["2001"]) | CHECKS | FROM_GRAPH

EDITS = [
    # nothing that matters
    Edit("nothing", lambda root: None, set()),
    Edit("comment in a script", append("scripts/ingest/ingest.py", "# a comment\n"), set()),
    Edit("docstring", replace("scripts/ingest/ingest.py", '"""Rule ingest_span: the raw', '"""Rule ingest_span: raw'), set()),
    Edit("formatter over the repository", reformat, set()),
    Edit("touched scripts", touch("scripts/**/*.py", "rules/*.smk", "Snakefile"), set()),
    Edit("scripts with modification time 1", touch("scripts/**/*.py", when=1), set()),
    Edit("white space in a shell line", gate_shell(GATE_LINE, GATE_LINE.replace(" --alert", '"\n        "   --alert')), set()),
    Edit("comment in a rule file", append("rules/ingest.smk", "\n# a comment\n"), set()),
    Edit("comment in the configuration", append("config/cases/tiny.yaml", "# a comment\n"), set()),
    Edit("keys of the configuration in another order", replace("config/cases/tiny.yaml", "    id: number\n    weight: number\n", "    weight: number\n    id: number\n"), set()),
    Edit("comment in a lock", append("envs/table.txt", "# a comment\n"), set()),
    Edit("comment in the data schema", append("data/tiny/schema.yaml", "# a comment\n"), set()),
    Edit("touched data and pointers", touch("data/tiny/*"), set()),
    Edit("touched results", touch("results/**/*"), set()),
    Edit("one core", lambda root: None, set(), words=("--cores", "1")),
    Edit("threads", lambda root: None, set(), words=("--set-threads", "tune=1")),
    Edit("memory", lambda root: None, set(), words=("--set-resources", "tune:mem_mb=999")),
    Edit("a value as text on the command line", lambda root: None, set(), words=("--config", "tune={trials: 4}")),
    Edit("port of the server", section("serve: {port: 9000}\n"), set()),
    Edit("template of the report", append("scripts/templates/page.html.j2", "{# x #}\n"), set()),
    Edit("captions of the report", append("report/captions.md", "\nMore.\n"), set()),
    Edit("script in the page of the report", append("report/trials.js", "\n// x\n"), set()),
    Edit("an edit taken back", both(append("scripts/ingest/ingest.py", MODULE), replace("scripts/ingest/ingest.py", MODULE, "")), set()),
    Edit(".snakemake removed", remove(".snakemake"), set()),
    Edit("fresh clone with pulled results", fresh_clone, set()),
    # code
    Edit("script of one stage", append("scripts/ingest/ingest.py", MODULE), each("ingest_span"), "code: scripts/ingest/ingest.py changed"),
    Edit("script with modification time 1", both(append("scripts/ingest/ingest.py", MODULE), touch("scripts/**/*.py", when=1)), each("ingest_span"), "code: scripts/ingest/ingest.py changed"),
    Edit("script after .snakemake was removed", both(remove(".snakemake"), append("scripts/ingest/ingest.py", MODULE)), each("ingest_span"), "code: scripts/ingest/ingest.py changed"),
    Edit("other bytes, same meaning, of tables", replace("scripts/ingest/parquet_writer.py", '"compression": "none"', '"compression": "snappy"'), each("ingest_span") | described() | SUMMARIZE | TRANSFORM | {"fit_graph", "train", "metrics"}, "code: scripts/ingest/parquet_writer.py changed"),
    Edit("helper module of one stage", append("scripts/preprocess/registry.py", MODULE), SUMMARIZE | {"fit_graph"}, "code: scripts/preprocess/registry.py changed"),
    Edit("preprocessing changed in a helper", replace("scripts/preprocess/date.py", "YEAR = 365.2425", "YEAR = 365.0"), SUMMARIZE | FROM_GRAPH, "code: scripts/preprocess/date.py changed"),
    Edit("helper shared by two stages", append("scripts/bundle/onnx_builder.py", MODULE), SUMMARIZE | {"fit_graph", "tune", "train", "sentinel"}, "code: scripts/bundle/onnx_builder.py changed"),
    Edit("helper shared by many", append("scripts/bundle/label.py", MODULE), STATISTICS | SUMMARIZE | TRANSFORM | {"fit_graph", "train", "metrics"}, "code: scripts/bundle/label.py changed"),
    Edit("helper of all", append("scripts/provenance/run_job.py", MODULE), ALL, "code: scripts/provenance/run_job.py changed"),
    Edit("module that a hook imports", replace("scripts/custom/helper.py", "return 1", "return 1 + 0"), CUSTOM, "code: scripts/custom/helper.py changed", before=add_hook),
    Edit("neighbour of a hook by path", replace("hooks/parcels/neighbour.py", "SCALE", "SCALE as SCALE"), CUSTOM, "code: hooks/parcels/neighbour.py changed", before=HOOK_BY_PATH),
    Edit("package of a hook by path", replace("hooks/parcels/__init__.py", "1", "1 + 0"), CUSTOM, "code: hooks/parcels/__init__.py changed", before=HOOK_BY_PATH),
    Edit("file that a hook declares", replace("hooks/parcels/weights.json", "1", "1.0"), CUSTOM, "input: hooks/parcels/weights.json changed", before=HOOK_BY_PATH),
    Edit("hook that no feature names", lambda root: (root / "scripts/custom/other.py").write_text("X = 1\n"), set(), before=add_hook),
    Edit("constant of the golden rows", replace("scripts/train/golden_rows.py", "MISSING_SHARE = 0.1", "MISSING_SHARE = 0.2"), {"train", "metrics", "register_model", "deploy"}, "code: scripts/train/golden_rows.py changed"),
    Edit("file of a family that the case uses", append("scripts/families/logistic.py", MODULE), {"tune", "train", "sentinel"}, "code: scripts/families/logistic.py changed"),
    Edit("file of a family that the case does not use", append("scripts/families/boosting.py", MODULE), set()),
    Edit("default search space of a family", replace("scripts/families/logistic.py", "[0.01, 100]", "[0.02, 50]"), {"tune", "train", "sentinel"}, "code: scripts/families/logistic.py changed"),
    Edit("code of the server", append("scripts/serve/app.py", MODULE), {"deploy"}, "code: scripts/serve/app.py changed"),
    Edit("code of the registry", append("scripts/register/mlflow_mirror.py", MODULE), {"register_model"}, "code: scripts/register/mlflow_mirror.py changed"),
    Edit("code of the report", append("scripts/report/report.py", MODULE), set()),
    # environments
    Edit("a lock line", lambda root: drop_hash(root / "envs/table.txt", "pyyaml"), each("ingest_span") | described() | {"anomalies"}, "environment: envs/table.txt: hashes"),
    # configuration
    Edit("ingest key", case("max_quarantined: 0.1", "max_quarantined: 0.2"), each("ingest_span"), "configuration: ingest.max_quarantined: 0.1 -> 0.2"),
    Edit("validate key", section("validate: {top: 1000}\n"), STATISTICS | {"anomalies"}, "configuration: validate.top: 50 -> 1000"),
    Edit("whom to alert", section('validate: {alert: ["json://127.0.0.1:9/"]}\n'), {"gate_data"}, 'configuration: validate.alert: [] -> ["json://127.0.0.1:9/"]'),
    Edit("slices of the statistics", section("validate: {slices: [colour], min_slice: 20}\n"), STATISTICS | {"anomalies"}, 'configuration: validate.slices: [] -> ["colour"]'),
    Edit("preprocess key", case("terms: 20", "terms: 5"), SUMMARIZE | FROM_GRAPH, "configuration: preprocess.features.note.0.terms: 20 -> 5"),
    Edit("preprocess key that changes nothing", case("terms: 20", "terms: 20\n  min_count: 9"), SUMMARIZE | {"fit_graph"}, "configuration: preprocess.features.colour.0.min_count: 10 -> 9"),
    Edit("label map", case('"no": ["no"]', '"no": ["no", "never"]'), STATISTICS | SUMMARIZE | TRANSFORM | {"fit_graph", "train", "metrics", "sentinel", "register_model", "deploy"}, "configuration: preprocess.label.classes.no"),
    Edit("title", case("title: Made-up", "title: Invented"), TRANSFORM | {"fit_graph", "train", "metrics", "sentinel", "register_model", "deploy"}, "configuration: title"),
    Edit("search space", case("loguniform: [0.1, 10]", "loguniform: [0.01, 0.05]"), {"tune", "sentinel"} | FROM_TRAIN, "configuration: tune.families.logistic.C.loguniform: [0.1, 10] -> [0.01, 0.05]"),
    Edit("seed of the sweep", case("trials: 4", "trials: 4\n  seed: 5"), {"tune", "sentinel"} | FROM_TRAIN, "configuration: tune.seed: 0 -> 5"),
    Edit("more trials", case("trials: 4", "trials: 5"), {"tune"}, "configuration: tune.trials: 4 -> 5"),
    Edit("a trial more in a row without gain", case("trials: 4", "trials: 4\n  early_stop: {trials: 9}"), {"tune"}, "configuration: tune.early_stop.trials: null -> 9"),
    Edit("a limit on the time of a sweep", case("trials: 4", "trials: 4\n  budget: {minutes: 60}"), {"tune"}, "configuration: tune.budget.minutes: null -> 60"),
    Edit("code of cross-fitting where a feature learns from labels", append("scripts/preprocess/cross_fit.py", MODULE), {"cross_fit"}, "code: scripts/preprocess/cross_fit.py changed", before=LEARNS_FROM_LABELS),
    Edit("code of cross-fitting where no feature does", append("scripts/preprocess/cross_fit.py", MODULE), set()),
    Edit("unit of the rows where a feature learns from labels", case("bootstrap: 20", "bootstrap: 20\n  unit: note"), {"cross_fit", "transform train", "tune", "sentinel"} | FROM_TRAIN, "configuration: analyze.unit: null ->", before=LEARNS_FROM_LABELS),
    Edit("folds of the trials", case("trials: 4", "trials: 4\n  folds: 2"), {"cross_fit", "tune"}, "configuration: tune.folds: 0 -> 2"),
    Edit("another number of folds", case("folds: 2", "folds: 3"), {"cross_fit", "tune"}, "configuration: tune.folds: 2 -> 3", before=case("trials: 4", "trials: 4\n  folds: 2")),
    Edit("an earlier best setting that is used", earlier("0.5"), {"tune", "sentinel"} | FROM_TRAIN, "earlier.json", before=lambda root: (earlier("2.5")(root), case("trials: 4", "trials: 4\n  reuse: earlier.json")(root))),
    Edit("seed of the training", section("train: {seed: 1}\n"), {"train", "metrics", "register_model", "deploy"}, "configuration: train.seed: null -> 1"),
    Edit("a version to start training from", section("train: {warm_start: 1}\n"), {"train", "metrics", "register_model", "deploy"}, 'configuration: train.warm_start: "" -> "1"'),
    Edit("tolerance of the bundle", section("train: {tolerance: 0.0001}\n"), {"train"}, "configuration: train.tolerance"),
    Edit("gate threshold", case("min: 0.6", "min: 0.5"), RELEASE, "configuration: analyze.gate.roc_auc.min: 0.6 -> 0.5"),
    Edit("bootstrap samples", case("bootstrap: 20", "bootstrap: 30"), {"metrics"} | RELEASE, "configuration: analyze.bootstrap: 20 -> 30"),
    Edit("whole rows that no two splits may share", section('validate: {duplicates: ["*"]}\n'), {"anomalies"}, "configuration: validate.duplicates"),
    Edit("limit of change", case("roc_auc: {min: 0.6}", "roc_auc: {min: 0.6, drop: 0.5}"), RELEASE, "configuration: analyze.gate.roc_auc.drop"),
    Edit("limit of change after another deployment", case("min: 0.6", "min: 0.5"), RELEASE, "configuration: analyze.gate.roc_auc.min", before=LIMIT_OF_CHANGE),
    Edit("code of comparisons where a limit needs it", append("scripts/analyze/compare.py", MODULE), {"gate_model"}, "code: scripts/analyze/compare.py changed", before=LIMIT_OF_CHANGE),
    Edit("code of comparisons where no limit needs it", append("scripts/analyze/compare.py", MODULE), set()),
    Edit("label of the version to compare with", case("max_latency_ms: 5000", "max_latency_ms: 5000\n  label: stable"), RELEASE, "configuration: deploy.label", before=LIMIT_OF_CHANGE),
    Edit("a deployment that has made another baseline", remove("serving/tiny/labels.json"), set(), before=LIMIT_OF_CHANGE),
    Edit("limit of latency", case("roc_auc: {min: 0.6}", "roc_auc: {min: 0.6}\n    latency_ms: {max: 5000}"), RELEASE, "configuration: analyze.gate.latency_ms"),
    Edit("criterion of the threshold", case("bootstrap: 20", "bootstrap: 20\n  threshold: {value: 0.5}"), {"metrics"} | RELEASE, 'configuration: analyze.threshold: "f1" ->'),
    Edit("sensitive columns", case("bootstrap: 20", "bootstrap: 20\n  fairness: {columns: [colour], reference: {colour: red}}"), {"metrics", "gate_model", "register_model"}, "configuration: analyze.fairness.columns"),
    Edit("shuffles of importance", case("bootstrap: 20", "bootstrap: 20\n  importance: {repeats: 2}"), {"metrics", "gate_model", "register_model"}, "configuration: analyze.importance.repeats: 5 -> 2"),
    Edit("shuffles of the sentinel", case("bootstrap: 20", "bootstrap: 20\n  sentinel: {repeats: 4}"), {"sentinel", "gate_model"}, "configuration: analyze.sentinel.repeats: 8 -> 4"),
    Edit("slices", case("slices: [colour]", "slices: []"), {"metrics", "gate_model", "register_model"}, "configuration: analyze.slices"),
    Edit("serving option", case("max_latency_ms: 5000", "max_latency_ms: 4000"), {"deploy"}, "configuration: deploy.max_latency_ms: 5000.0 -> 4000.0"),
    Edit("columns of a counterfactual", case("max_latency_ms: 5000", "max_latency_ms: 5000\n  counterfactual: [weight]"), {"deploy"}, "configuration: deploy.counterfactual"),
    Edit("approval that the case does not ask for", approve, set()),
    Edit("approval that the case asks for", both(approve, case("max_latency_ms: 5000", "max_latency_ms: 5000\n  approval: required")), {"deploy"}, 'configuration: deploy.approval: "none" -> "required"'),
    Edit("traffic", case("max_latency_ms: 5000", "max_latency_ms: 5000\n  traffic: {split: {champion: 2}}"), {"deploy"}, "configuration: deploy.traffic.split"),
    Edit("label of the version", case("max_latency_ms: 5000", "max_latency_ms: 5000\n  label: stable"), {"deploy"}, 'configuration: deploy.label: "champion" -> "stable"'),
    Edit("serving option after .snakemake was removed", both(remove(".snakemake"), case("max_latency_ms: 5000", "max_latency_ms: 4000")), {"deploy"}, "configuration: deploy.max_latency_ms"),
    # data
    Edit("a changed row", new_rows("2001", 1, "29.5"), CHANGED_SPAN, "; 1 rows added, 1 removed)"),
    Edit("a changed row under an old time", keeping_times("2001", new_rows("2001", 1, "29.5")), CHANGED_SPAN, "input: data/tiny/2001.csv.dvc changed (md5"),
    Edit("a changed row that no feature holds", new_rows("2004", 0, "77"), described(["2004"]) | {"fetch 2004", "ingest_span 2004", "metrics", "register_model", "deploy"} | CHECKS, "input: data/tiny/2004.csv.dvc changed (md5"),
    Edit("the rows of the test split in another order", reordered("2004"), described(["2004"]) | {"fetch 2004", "ingest_span 2004", "metrics"} | RELEASE, "input: data/tiny/2004.csv.dvc changed (md5"),
    Edit("an older version by git and hard links", older_version, CHANGED_SPAN, "input: data/tiny/2001.csv.dvc changed (md5", before=two_versions),
    Edit("an added span", add_span, {"fetch 2000", "ingest_span 2000", "summarize 2000 all"} | described(["2000"]) | CHECKS | FROM_GRAPH, 'configuration: windows.train: ["2001", "2002"] -> ["2000", "2001", "2002"]'),
    Edit("a span fewer", case('train: ["2001", "2002"]', 'train: ["2002"]'), CHECKS | FROM_GRAPH, "input: results/tiny/ingest/2001/all removed"),
    Edit("a backfill of a span that no window holds", both(spare, spare_rows), set(), before=spare),
    Edit("a backfill of a span that a rolling window holds", new_rows("2001", 1, "29.5"), CHANGED_SPAN, "input: data/tiny/2001.csv.dvc changed", before=both(spare, rolling)),
    Edit("another way to say the same windows", rolling, set()),
    Edit("a span newer than all others", add_latest, each("fetch", ["2005"]) | each("ingest_span", ["2005"]) | described(["2005"]) | {"summarize 2003 all"} | CHECKS | FROM_GRAPH, "configuration: windows.test: [\"2004\"] -> [\"2005\"]", before=rolling),
    Edit("spans of a window in another order", case('train: ["2001", "2002"]', 'train: ["2002", "2001"]'), set()),
    Edit("columns of the data schema in another order", replace("data/tiny/schema.yaml", "  id: {type: number, min_fraction: 1}\n  weight: {type: number, min: 0, max: 100}\n", "  weight: {type: number, min: 0, max: 100}\n  id: {type: number, min_fraction: 1}\n"), set()),
    Edit("a pointer that gives the same bytes another name", both(replace("data/tiny/2001.csv.dvc", "path: 2001.csv", "path: 2001.data"), lambda root: (root / "data/tiny/2001.csv").rename(root / "data/tiny/2001.data")), {"fetch 2001", "ingest_span 2001", "register_model"}, "input: data/tiny/2001.csv.dvc changed (md5"),
    Edit("a retention date to come", retention("2999-12-31"), set()),
    Edit("a retention date that is past", retention("2001-12-31"), CHECKS | FROM_GRAPH, 'configuration: windows.train: ["2001", "2002"] -> ["2002"]'),
    Edit("style of both pages", append("report/style.css", "\n/* x */\n"), CHECKS, "input: report/style.css changed"),
    Edit("template of the anomalies", append("scripts/templates/anomalies.html.j2", "{# x #}\n"), {"anomalies"}, "input: scripts/templates/anomalies.html.j2 changed"),
    Edit("schema edit that changes no verdict", replace("data/tiny/schema.yaml", "min: 50", "min: 51"), ROWS | {"anomalies"}, "input: data/tiny/schema.yaml changed"),
    Edit("schema edit that requests must keep", replace("data/tiny/schema.yaml", "max: 100", "max: 101"), ROWS | {"anomalies", "deploy"}, "input: data/tiny/schema.yaml changed"),
    # beside the rows
    Edit("an edge list", write_beside("roads.csv", ROADS.replace("blue,2", "blue,7")), {"fetch roads.csv", "node_table roads.csv"} | FROM_GRAPH, "input: data/tiny/roads.csv changed", before=beside),
    Edit("an edge list that gives the same figures", write_beside("roads.csv", ROADS.replace("red,green", "green,red")), {"fetch roads.csv", "node_table roads.csv", "register_model", "deploy"}, "input: data/tiny/roads.csv changed", before=beside),
    Edit("an option of an edge list", case("size: 2", "size: 3"), {"node_table roads.csv"} | FROM_GRAPH, "configuration: preprocess.edges.roads.csv.size: 2 -> 3", before=beside),
    Edit("a last training span at which dated edges are cut", case('train: ["2001", "2002"]', 'train: ["2001"]'), {"node_table roads.csv"} | CHECKS | FROM_GRAPH, "input: results/tiny/ingest/2002/all removed", before=both(beside, case("size: 2", "size: 2, date: day"), write_beside("roads.csv", "source,target,day\nred,green,2001-02-03\ngreen,blue,2001-01-01\nblue,black,2002-01-01\n"))),
    Edit("word vectors by their pointer", write_beside("glove.txt", "rain 1 0\nbox 1 1\n", with_pointer=True), {"fetch glove.txt", "word_table glove.txt"} | FROM_GRAPH, "input: data/tiny/glove.txt.dvc changed", before=beside),
    Edit("code of the figures of nodes", append("scripts/preprocess/node_table.py", MODULE), {"node_table roads.csv"}, "code: scripts/preprocess/node_table.py changed", before=beside),
    Edit("code of a kind that the case does not use", append("scripts/preprocess/word_vectors.py", MODULE), set()),
    # results
    Edit("a removed output", remove("results/tiny/ingest/2002/all"), {"ingest_span 2002"}, "missing: results/tiny/ingest/2002/all"),
    Edit("a file removed from a folder of outputs", remove("results/tiny/ingest/2002/all/part-00000.parquet"), {"ingest_span 2002"}, "missing: results/tiny/ingest/2002/all/part-00000.parquet"),
    Edit("an empty record", write("results/tiny/tune/record.json", ""), {"tune"}, "damaged: results/tiny/tune/record.json"),
    Edit("a record without content", write("results/tiny/deploy/record.json", "{}"), {"deploy"}, "damaged: results/tiny/deploy/record.json"),
    Edit("a record that is cut off", write("results/tiny/ingest/2002/record.json", '{"code": {"scr'), {"ingest_span 2002"}, "damaged: results/tiny/ingest/2002/record.json"),
    Edit("results dated ahead of the clock", both(touch("results/**/*", "data/tiny/*", "results/**/.*", when=4e9), case("min: 0.6", "min: 0.5")), RELEASE, "configuration: analyze.gate.roc_auc.min: 0.6 -> 0.5"),
    Edit("benchmarks removed", remove("benchmarks/rules"), set()),
    Edit("a removed record", remove("results/tiny/tune/record.json"), {"tune"}, "missing: results/tiny/tune/record.json"),
    Edit("a removed stage", remove("results/tiny/tune"), {"tune"}, "missing: results/tiny/tune/best.json"),
    Edit("a removed published file", remove("serving/tiny/1/model.onnx"), {"deploy"}, "missing: serving/tiny/1/model.onnx"),
    # rules
    Edit("a changed shell line", gate_shell(GATE_LINE, '"GREETING=1 ' + GATE_LINE[1:]), {"gate_data"}, "shell line of rule gate_data"),
    Edit("configuration inside a shell line", section("serve: {port: 9000}\n"), {"gate_data"}, "shell line of rule gate_data", before=gate_shell(GATE_LINE, '"PORT={config[serve][port]} ' + GATE_LINE[1:])),
    Edit("two params that swap values", lambda root: rename(root, "first", "second"), {"gate_data"}, "parameter of rule gate_data: first", before=rule_params('        first="1",\n        second="2",\n')),
    Edit("a date among the params", replace("rules/validate.smk", "2020, 1, 2", "2020, 1, 3"), {"gate_data"}, "parameter of rule gate_data: day", before=both(append("rules/common.smk", "\nimport datetime\n"), rule_params("        day=datetime.date(2020, 1, 2),\n"))),
    Edit("a path among the params", replace("rules/validate.smk", '"there"', '"elsewhere"'), {"gate_data"}, "parameter of rule gate_data: place", before=both(append("rules/common.smk", "\nfrom pathlib import Path\n"), rule_params('        place=Path("there"),\n'))),
    Edit("inputs of one name in another order", replace("rules/validate.smk", '["data/tiny/2001.csv.dvc", "data/tiny/2002.csv.dvc"]', '["data/tiny/2002.csv.dvc", "data/tiny/2001.csv.dvc"]'), {"gate_data"}, "order of the input both of rule gate_data", before=rule_inputs('        both=ancient(["data/tiny/2001.csv.dvc", "data/tiny/2002.csv.dvc"]),\n')),
    Edit("an integer that becomes true", replace("rules/validate.smk", "first=1,", "first=True,"), {"gate_data"}, "parameter of rule gate_data: first: 1 -> true", before=rule_params("        first=1,\n")),
    Edit("two named inputs that swap", lambda root: rename(root, "first", "second"), {"gate_data"}, "input: ", before=rule_inputs('        first=ancient("data/tiny/2001.csv.dvc"),\n        second=ancient("data/tiny/2002.csv.dvc"),\n')),
]  # fmt: skip


def rename(root: Path, first: str, second: str) -> None:
    """Swap two names in the validation rules."""
    path = root / "rules/validate.smk"
    names = {first: second, second: first}
    path.write_text(re.sub(rf"\b({first}|{second})=", lambda match: f"{names[match[1]]}=", path.read_text()))


def drop_hash(lock: Path, package: str) -> None:
    """Take one hash of *package* out of a lock: another lock that installs the same, and whose environment is there."""
    lines = lock.read_text().splitlines(keepends=True)
    start = next(index for index, line in enumerate(lines) if line.lower().startswith(f"{package}=="))
    hashes = [index for index in range(start + 1, len(lines)) if "cp314" in lines[index] or "--hash" in lines[index]]
    del lines[hashes[0]]
    lock.write_text("".join(lines))
    envs = Path(environment()["OUROBOROS_ENVS"])  # the test's own; that a missing one is built is tested elsewhere
    (envs / env_id(lock.stem, lock.parent)).symlink_to((envs / env(lock.stem)).resolve())
