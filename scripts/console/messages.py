"""Which of Snakemake's messages (9.27) people need not see, since the console says the same in its own way."""

import re

NOTHING = "Nothing to be done"
STOPPED = "Terminating processes on user request"
FINISHING = "Will exit after finishing currently running jobs"
NOISE = (
    NOTHING,
    STOPPED,
    FINISHING,
    "Config file ",
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Using shell:",
    "Provided ",
    "Rules claiming more threads",
    "Conda environments: ignored",
    "Select jobs to execute",
    "Execute ",
    "DAG of jobs will be updated",
    "Updating checkpoint dependencies",
    "Trying to restart job",
    "Shutting down, this might take some time",
    "Complete log",
    "Elapsed time",
    "Exiting because a job execution failed",
    "Removing output files of failed job",
    "Removing temporary output",
    "This was a dry-run",
    "The run involves checkpoint jobs",
    "Reasons:",
)
SUBMITTED = re.compile(
    r"(Group j|J)ob \S+ has been submitted with SLURM jobid|SLURM run ID: |Cleaning up SLURM log files"
)
FAILED = "At least one job did not complete successfully"
OF_JOBS = ("RuleException", "CalledProcessError")


def is_noise(message: str) -> bool:
    """Return whether people need not see *message*; what is not known here is shown."""
    return not message or message.startswith(NOISE) or bool(SUBMITTED.match(message))


def is_of_a_job(message: str) -> bool:
    """Return whether *message* is about an exception that is told with the job that failed."""
    return message.startswith(OF_JOBS) or FAILED in message
