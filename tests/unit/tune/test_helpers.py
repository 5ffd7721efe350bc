"""Helpers of a sweep are jobs like the one of the sweep."""

import pytest

from scripts.tune.helpers import like

SAID = (
    "JobId=16 JobName=ouroboros_c6c2 UserId=root(0) Priority=4294901745 Nice=0 Account={account} QOS={qos} "
    "JobState=RUNNING Reason=None TimeLimit=1-04:00:00 TimeMin=N/A Partition=gpu NodeList=n1 NumNodes=1 NumCPUs=4 "
    "NumTasks=1 CPUs/Task=4 MinCPUsNode=4 MinMemory{by}=8000M MinTmpDiskNode=0 Features={features} {gpus}Power="
)


@pytest.mark.feature("H7")
def test_helpers_ask_for_what_the_job_of_the_sweep_has():
    plain = SAID.format(account="(null)", qos="N/A", by="Node", features="(null)", gpus="")
    assert like(plain) == ["--partition=gpu", "--time=1-04:00:00", "--cpus-per-task=4", "--mem=8000M"]
    all_said = SAID.format(account="me", qos="long", by="CPU", features="a100", gpus="TresPerJob=gres:gpu:a100:2 ")
    assert like(all_said) == [
        "--partition=gpu",
        "--account=me",
        "--qos=long",
        "--constraint=a100",
        "--time=1-04:00:00",
        "--cpus-per-task=4",
        "--mem-per-cpu=8000M",
        "--gpus=a100:2",
    ]


@pytest.mark.parametrize(
    ("said", "word"),
    [("TresPerJob=gres:gpu:1", "--gpus=1"), ("TresPerNode=gres:gpu:2", "--gres=gpu:2")],
)
def test_gpus_are_asked_for_as_they_were(said, word):
    assert like(f"JobId=1 {said} Power=") == [word]
