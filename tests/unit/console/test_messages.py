"""Why a job or a run failed, in the sentence of the job or of Snakemake."""

import pytest

from scripts.console.job import Job
from scripts.console.messages import explain_failure, format_error


def job(tmp_path, log: str | None) -> Job:
    path = tmp_path / "a.log"
    if log is not None:
        path.write_text(log)
    return Job(1, "train", logs=[str(path)])


def test_the_sentence_of_the_job_counts(tmp_path):
    log = "a warning\nerror: 2 anomalies stop the run\nCODE: span 1: one class\nMend the data.\n"
    assert explain_failure(job(tmp_path, log)) == [
        "2 anomalies stop the run",
        "CODE: span 1: one class",
        "Mend the data.",
    ]


def test_a_stack_trace_is_cut_down_to_its_end(tmp_path):
    head = "Traceback (most recent call last):\n"
    log = f"one\n{head}  File 'a', line 1\nValueError: no\n{head}"
    log += "  File 'b', line 2, in fit\n    x()\nsklearn.exceptions.NotFittedError: fit it\nfirst\n"
    assert explain_failure(job(tmp_path, log)) == ["sklearn.exceptions.NotFittedError: fit it", "first"]


def test_a_stack_trace_gives_the_place_in_own_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = [(tmp_path / "scripts/train/train.py", 7), ("/e/lib/python3.11/site-packages/sklearn/base.py", 9)]
    trace = "".join(f'  File "{path}", line {line}, in fit\n    x()\n' for path, line in frames)
    log = f"Traceback (most recent call last):\n{trace}ValueError: no\n"
    assert explain_failure(job(tmp_path, log)) == ["ValueError: no", "(scripts/train/train.py, line 7)"]


@pytest.mark.parametrize("log", [None, "", "\n"])
def test_a_job_that_was_killed_says_so_by_its_status(log, tmp_path):
    report = (
        "RuleException:\nCalledProcessError in file \"a.smk\", line 3:\nCommand 'x' died with <Signals.SIGKILL: 9>."
    )
    assert explain_failure(job(tmp_path, log), report) == ["its command died with <Signals.SIGKILL: 9>"]
    assert explain_failure(job(tmp_path, log)) == ["it ended without saying why"]


def test_a_job_that_ends_in_the_middle_shows_its_last_line(tmp_path):
    report = "Command 'x' returned non-zero exit status 137."
    assert explain_failure(job(tmp_path, "reading\nfitting\n"), report) == [
        "fitting",
        "its command returned non-zero exit status 137",
    ]


def test_the_log_of_slurm_does_not_hide_the_sentence_of_the_job(tmp_path):
    failing = job(tmp_path, "error: no rows\n")
    (tmp_path / "slurm.log").write_text("host: n1\nError in rule train:\nslurmstepd: error: killed\n")
    failing.logs.append(str(tmp_path / "slurm.log"))
    assert explain_failure(failing) == ["no rows"]
    (tmp_path / "a.log").write_text("fitting\n")
    report = "SLURM-job '12' failed, SLURM status is: 'FAILED'. SLURM reason: none"
    assert explain_failure(failing, report) == ["fitting", "SLURM-job '12' failed, SLURM status is: 'FAILED'"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("TIMEOUT", "reached its time limit; request more time for {} (`runtime` in the profile)"),
        ("OUT_OF_MEMORY", "needed more memory than it had; request more for {} (`mem_mb` in the profile)"),
        ("NODE_FAIL", "lost its node; start the run again"),
    ],
)
def test_job_that_slurm_ended_is_one_sentence(tmp_path, state, reason):
    failing = job(tmp_path, "fitting\n")
    failing.logs.append(str(tmp_path / "slurm.log"))
    (tmp_path / "slurm.log").write_text("srun: error: n1: task 0: Exited with exit code 1\n")
    report = f"SLURM-job '12' failed, SLURM status is: '{state}'. Detailed failure reason unavailable"
    assert explain_failure(failing, report) == [f"SLURM job 12 {reason.format(failing.rule)}"]


def test_long_sentences_are_limited(tmp_path):
    lines = explain_failure(job(tmp_path, "error: many\n" + "an anomaly\n" * 500))
    assert len(lines) == 13 and lines[-1] == "... 489 more lines"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            'ConfigError in file "/a/common.smk", line 16:\nthe configuration cannot be used:\n  tune.trials: no\n'
            '  File "/a/rules/common.smk", line 16, in <module>\n  File "/a/checked.py", line 28, in checked',
            ["the configuration cannot be used:", "  tune.trials: no"],
        ),
        ("MissingRuleException:\nNo rule to produce nosuch", ["No rule to produce nosuch"]),
        ("LockException:\nError: Directory cannot be locked.", ["Directory cannot be locked."]),
        (
            'KeyError in file "/a/tune.smk", line 3:\n\'trials\'\n  File "/a/tune.smk", line 3, in <module>',
            ["KeyError (/a/tune.smk, line 3): 'trials'"],
        ),
        (
            'InputFunctionException in rule fetch in file "/a/version.smk", line 9:\nError:\n'
            "  InputError: data/a/1.csv.dvc: not a pointer\n  did not find a list\nWildcards:\n  span=1\nTraceback:\n"
            '  File "/a/pointer.py", line 4, in parsed (rule fetch, line 9, /a/version.smk)',
            ["data/a/1.csv.dvc: not a pointer", "did not find a list", "(asked for by rule fetch, span=1)"],
        ),
        (
            'InputFunctionException in rule tune in file "/a/tune.smk", line 9:\nError:\n  KeyError: 1\nWildcards:\n\n'
            'Traceback:\n  File "/a/b.py", line 4, in c (rule tune, line 9, /a/tune.smk)',
            ["KeyError: 1", "(asked for by rule tune)"],
        ),
        ("something else", ["something else"]),
        ("", []),
    ],
)
def test_what_snakemake_reports_loses_class_place_and_stack(text, lines):
    assert format_error(text) == lines


def test_a_target_that_is_like_one():
    text = (
        "MissingRuleException:\n"
        "No rule to produce deplyo (if you use input functions make sure that they don't raise unexpected exceptions)."
    )
    advice = "(./ouroboros --list shows all rules)"
    assert format_error(text, ["train", "deploy"]) == [f"no rule makes deplyo; did you mean deploy? {advice}"]
    assert format_error(text, ["train"]) == [f"no rule makes deplyo {advice}"]
