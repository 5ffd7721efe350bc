"""Random sequences of edits of the tiny case, and what must hold after each (a Hypothesis state machine).

- What explain says is what runs: all root causes, and nothing that does not follow from one.
- A second deployment does nothing.
- No job runs whose outputs are there and whose fingerprint is unchanged.
- Every record, so every recorded input, code and output, is that of a build from nothing in a fresh clone.

`Decisions` works without jobs: Snakemake's rules are read as they are, the engine decides, and a job writes outputs
that are made of its fingerprint.
"""

import contextlib
import json
import os
import shutil
from pathlib import Path

import yaml
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from scripts.provenance import environment
from scripts.provenance.canonical import json_digest, list_tree, path_digest, to_exact_json
from scripts.provenance.explain import explain
from scripts.provenance.record import read_record
from scripts.provenance.recorded_job import RecordedJob
from scripts.provenance.source import CodeDigests
from scripts.provenance.staleness import Staleness
from scripts.schema.codes import CODES
from tests import tiny
from tests.workflow import ROOT

RESULTS = Path("results/tiny")
DEPLOYED = str(RESULTS / "deploy/record.json")
CLONED = ["Snakefile", "config", "envs", "report", "rules", "scripts"]  # what decisions read
MODULES = [
    "scripts/ingest/ingest.py",
    "scripts/preprocess/date.py",
    "scripts/bundle/label.py",
    "scripts/families/logistic.py",
    "scripts/families/boosting.py",
    "scripts/serve/app.py",
    "scripts/provenance/run_job.py",
    "scripts/provenance/__init__.py",
]
SETTINGS = {  # values that a case may have without failing
    "title": ["Parcels", "Packets"],
    "windows.train": [["2001", "2002"], ["2002", "2001"], ["2002"], {"last": 2, "skip": 2}],
    "ingest.max_quarantined": [0.1, 0.2, 0.1234567890123456],
    "validate.top": [50, 60],
    "preprocess.terms": [20, 5],
    "preprocess.min_count": [10, 9],
    "tune.trials": [4, 5],
    "tune.seed": [0, 5],
    "train.seed": [None, 1],
    "analyze.bootstrap": [20, 30],
    "analyze.gate.roc_auc": [{"min": 0.6}, {"min": 0.5}, {"min": 0.6, "drop": 0.5}],
    "deploy.max_latency_ms": [5000, 4000],
    "deploy.label": ["champion", "stable"],
}
HOOK = (
    "import numpy\n\nfrom .near import ONE\n\n\ndef fit(values, options):\n    return ONE\n\n\n"
    "def transform(values, state):\n    return numpy.full((len(values), 1), float(ONE))\n\n\n"
    'def names(state):\n    return ["one"]\n'
)
WAIVER = {"code": sorted(CODES)[0], "column": "id", "span": "2001", "reason": "x", "owner": "me"}


class Engine:
    """A clone of the tiny case at *root*: what is stale, a deployment, and all records of a build from nothing."""

    root: Path

    def explain(self) -> tuple[set[str], set[str]]:
        """Return the jobs with a root cause, and those that may follow."""
        raise NotImplementedError

    def deploy(self, limit: int | None = None) -> set[str]:
        """Deploy and return the jobs that ran; with *limit*, stop in the middle of the job after that many."""
        raise NotImplementedError

    def needless(self, ran: set[str]) -> set[str]:
        """Return which jobs of *ran* had nothing to do when the last deployment began."""
        raise NotImplementedError

    def records(self) -> dict[str, dict]:
        """Return the records of all jobs that the deployment depends on, by path."""
        raise NotImplementedError

    def fresh_records(self) -> dict[str, dict]:
        """Return the same records of a build from nothing."""
        raise NotImplementedError


class Edits(RuleBasedStateMachine):
    """Edits of a clone, and what must hold after each."""

    engine: Engine

    @property
    def root(self) -> Path:
        return self.engine.root

    def hold(self) -> None:
        """Deploy, and check what must hold."""
        roots, follow = self.engine.explain()
        ran = self.engine.deploy()
        assert roots <= ran <= roots | follow, f"said {sorted(roots)} (+ {sorted(follow)}), ran {sorted(ran)}"
        assert not (needless := self.engine.needless(ran)), f"needless: {sorted(needless)}"
        assert self.engine.explain() == (set(), set()) and not self.engine.deploy(), "not settled after one run"
        assert self.engine.records() == self.engine.fresh_records()

    def write(self, path: str, text: str) -> None:
        """Write a file of the clone and check what must hold."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        self.hold()

    @rule(path=st.sampled_from(MODULES), text=st.sampled_from(["", "# a comment\n", "ADDED = 1\n", "ADDED = 1.0\n"]))
    def edit_code(self, path: str, text: str) -> None:
        self.write(path, (ROOT / path).read_text() + text)

    @rule(key=st.sampled_from(sorted(SETTINGS)), number=st.integers(0, 3))
    def edit_configuration(self, key: str, number: int) -> None:
        path = self.root / "config/cases/tiny.yaml"
        content = yaml.safe_load(path.read_text())
        *sections, last = key.split(".")
        place = content
        for name in sections:
            place = place.setdefault(name, {})
        place[last] = SETTINGS[key][number % len(SETTINGS[key])]
        self.write("config/cases/tiny.yaml", yaml.safe_dump(content, sort_keys=bool(number % 2)))

    @rule(one=st.sampled_from(["1", "1 + 0", "1  # one"]), package=st.sampled_from(["", "X = 1\n"]))
    def edit_hook(self, one: str, package: str) -> None:
        for name, text in {"__init__": package, "near": f"ONE = {one}\n", "shape": HOOK}.items():
            (self.root / "hooks/inner").mkdir(parents=True, exist_ok=True)
            (self.root / f"hooks/inner/{name}.py").write_text(text)
        content = yaml.safe_load((self.root / "config/cases/tiny.yaml").read_text())
        content["preprocess"]["features"]["id"] = {"kind": "hook", "module": "hooks/inner/shape.py"}
        self.write("config/cases/tiny.yaml", yaml.safe_dump(content))

    @rule(span=st.sampled_from(tiny.SPANS), value=st.sampled_from(["", "29.5", "28.5"]))
    def edit_data(self, span: str, value: str) -> None:
        rows = tiny.rows(span)
        rows[3][1] = value or rows[3][1]
        tiny.write_span(self.root / "data/tiny", span, rows)
        self.hold()

    @rule(top=st.sampled_from([100, 101]), backwards=st.booleans())
    def edit_schema(self, top: int, backwards: bool) -> None:
        schema = yaml.safe_load(tiny.SCHEMA)
        schema["columns"]["weight"]["max"] = top
        columns = list(schema["columns"].items())
        self.write(
            "data/tiny/schema.yaml",
            yaml.safe_dump(schema | {"columns": dict(columns[:: -1 if backwards else 1])}, sort_keys=False),
        )

    @rule(expires=st.sampled_from(["", "2020-01-01", "2999-01-01"]))
    def edit_waivers(self, expires: str) -> None:
        self.write("data/tiny/waivers.yaml", yaml.safe_dump([WAIVER | {"expires": expires}] if expires else []))

    @rule(number=st.integers(0, 200), text=st.sampled_from([None, "", "{}", "[]", '{"code": {"scr']))
    def damage_record(self, number: int, text: str | None) -> None:
        records = sorted((self.root / RESULTS).rglob("record.json"))
        path = records[number % len(records)]
        path.unlink() if text is None else path.write_text(text)
        self.hold()

    @rule(number=st.integers(0, 500))
    def remove_output(self, number: int) -> None:
        files = [path for path in sorted((self.root / RESULTS).rglob("*")) if path.is_file() and path.name[0] != "."]
        files[number % len(files)].unlink()
        self.hold()

    @rule(when=st.sampled_from([1, 4e9]))
    def change_times(self, when: float) -> None:
        for name in ("results", "data", "scripts"):
            for path in (self.root / name).rglob("*"):
                os.utime(path, (when, when))
        self.hold()

    @rule(span=st.sampled_from(tiny.SPANS), limit=st.integers(0, 12))
    def interrupt(self, span: str, limit: int) -> None:
        rows = tiny.rows(span)
        rows[5][1] = "27.5"
        tiny.write_span(self.root / "data/tiny", span, rows)
        self.engine.deploy(limit)
        self.hold()


def read_workflow(cached: dict = {}):  # noqa: B006
    """Return Snakemake's workflow of the current folder; the same one for the same files."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

    names = [path for path in ("config", "rules", "data/tiny") for path in sorted(Path(path).rglob("*.[ys]*"))]
    texts = [path.read_text() for path in names if path.suffix in (".yaml", ".smk")]
    key = json_digest([texts, sorted(os.listdir("data/tiny"))])
    if key not in cached:
        if len(cached) > 64:
            cached.clear()
        before = dict(os.environ)
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            cached[key] = api.workflow(ResourceSettings(cores=1), snakefile=Path("Snakefile"))._workflow
        os.environ.clear()
        os.environ.update(before)
    return cached[key]


class Decisions(Engine):
    """Decisions without work: what a job writes is made of its fingerprint.

    Modules with the word ADDED change the bytes of outputs if it is 1.0; with 1 they do not, so that the cascade stops.
    """

    def __init__(self, root: Path, deployed: Path):
        self.root = root
        self.deployed = deployed  # results of the case as it begins
        self.fresh = root / ".fresh"
        self.before: dict[str, bool] = {}
        self.code = (None, None)  # what was read of the code, and its state then

    @contextlib.contextmanager
    def inside(self, folder: Path):
        """Be in *folder*, with nothing remembered of files."""
        for function in (environment.env_id, environment.lock_lines, environment.pinned_versions):
            function.cache_clear()
        with contextlib.chdir(folder):
            yield

    def staleness(self) -> Staleness:
        workflow = read_workflow()
        state = [path.read_text() for path in (*map(Path, MODULES), *sorted(Path("hooks").rglob("*.py")))]
        if self.code[1] != state:
            self.code = CodeDigests(), state
        return Staleness(workflow, workflow.globals["config"], self.code[0])

    def explain(self) -> tuple[set[str], set[str]]:
        with self.inside(self.root):
            answer = explain(self.staleness(), [DEPLOYED], lambda job: None)
        return {name for entry in answer["causes"] for name in entry["nodes"]}, set(answer["follow"])

    def deploy(self, limit: int | None = None) -> set[str]:
        with self.inside(self.root):
            return {job.name for job in self.settle(limit)}

    def settle(self, limit: int | None = None) -> list[RecordedJob]:
        """Run what is stale in the current folder, as Snakemake does; return the jobs that ran."""
        staleness, visited, ran = self.staleness(), set(), []
        self.before = {}

        def visit(job: RecordedJob) -> None:
            if job.record in visited or (limit is not None and len(ran) >= limit):
                return
            visited.add(job.record)
            for producer in staleness.upstream(job):
                visit(producer)
            if limit is not None and len(ran) >= limit:
                return
            if staleness.changes_or_mark_fresh(job):
                for producer in staleness.transient_producers(job):
                    visit(producer)
                self.before[job.name] = self.is_whole(staleness, job)
                self.work(staleness, job)
                assert not staleness.changes_or_mark_fresh(job), f"{job.name} is stale right after it ran"
                ran.append(job)

        visit(staleness.producer(DEPLOYED))
        return ran

    def is_whole(self, staleness: Staleness, job: RecordedJob) -> bool:
        """Return whether all outputs of *job* are there and its fingerprint is the recorded one, byte for byte."""
        record = read_record(job.record)
        files = [
            *job.outputs,
            *(f"{path}/{name}" for path, names in record.get("folders", {}).items() for name in names),
        ]
        current = json.loads(to_exact_json(staleness.fingerprint(job)))
        return all(map(os.path.exists, files)) and all(
            to_exact_json(record.get(part)) == to_exact_json(value) for part, value in current.items()
        )

    def needless(self, ran: set[str]) -> set[str]:
        return {name for name in ran if self.before.get(name)}

    def work(self, staleness: Staleness, job: RecordedJob) -> None:
        """Write the outputs of *job* and its record."""
        fingerprint = staleness.fingerprint(job)
        changed = [path for path in fingerprint["code"] if "ADDED = 1.0" in Path(path).read_text()]
        parts = {name: fingerprint[name] for name in ("rule", "wildcards", "config", "params", "inputs", "order")}
        content = json_digest([parts, changed])
        outputs, folders = {}, {}
        for path in job.outputs:
            if path == job.record:
                continue
            shutil.rmtree(path, ignore_errors=True)
            is_folder = any(template.is_directory and job.format(template) == path for template in job.rule.output)
            place = Path(path, "part") if is_folder else Path(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{path} {content}\n")
            outputs[path] = path_digest(path)
            folders |= {path: list_tree(path)} if is_folder else {}
        Path(job.record).write_bytes(to_exact_json(fingerprint | {"outputs": outputs, "folders": folders}))

    def records(self, folder: Path | None = None) -> dict[str, dict]:
        with self.inside(folder or self.root):
            staleness, found = self.staleness(), {}
            waiting = [staleness.producer(DEPLOYED)]
            while waiting:
                job = waiting.pop()
                if job.record not in found:
                    found[job.record] = read_record(job.record)
                    waiting += staleness.upstream(job)
        return found

    def fresh_records(self) -> dict[str, dict]:
        shutil.rmtree(self.fresh, ignore_errors=True)
        self.fresh.mkdir()
        for path in self.root.iterdir():
            if path.name not in ("results", self.fresh.name):  # .snakemake holds only what is found by content
                (self.fresh / path.name).symlink_to(path)
        with self.inside(self.fresh):
            self.settle()
        return self.records(self.fresh)

    def reset(self) -> None:
        """Make the clone as it was."""
        for name in ("results", "hooks", "data"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        for path in MODULES:
            shutil.copy2(ROOT / path, self.root / path)
        tiny.make(self.root)
        if self.deployed.exists():
            shutil.copytree(self.deployed, self.root / "results")


def make_decisions(folder: Path) -> Decisions:
    """Return a clone in *folder*, with the tiny case and what its deployment would leave."""
    root = folder / "clone"
    root.mkdir()
    for name in CLONED:
        source = ROOT / name
        shutil.copytree(source, root / name) if source.is_dir() else shutil.copy2(source, root / name)
    engine = Decisions(root, folder / "deployed")
    engine.reset()
    engine.deploy()
    shutil.copytree(root / "results", engine.deployed)
    return engine
