"""Conda, container and Apptainer recipes for the locked environments, written by envs/lock."""

from pathlib import Path

from scripts.provenance.environment import env_id

NOT_FOR_JOBS = {"test", "slurm", "client", "fuzz"}
IMAGE_FOLDER = "/envs"  # folder of the environments in an image
HEAD = "# Written by envs/lock; not built by the tests.\n"
BASE = "python:3.11-slim-bookworm"
SOURCES = ["envs", "scripts/provenance/environment.py"]  # all that envs/build reads

CONDA = """\
# What runs Snakemake; `snakemake --sdm conda` makes the environments of the jobs from envs/*.yaml.
name: ouroboros
channels: [conda-forge]
dependencies: [python=3.11, git, pip, {pip: [-r envs/driver.txt]}]
"""
CONTAINER = """\
# All environments of the workflow but those for GPUs. Mount a clone and work in it:
# podman run --rm --volume .:/clone IMAGE deploy
FROM {base}
RUN apt-get update && apt-get install --yes --no-install-recommends git
{copies}
ENV OUROBOROS_ENVS={place}
RUN python3 /recipe/envs/build {names}
WORKDIR /clone
ENTRYPOINT ["{place}/{driver}/bin/snakemake"]
"""
APPTAINER = """\
# All environments of the workflow but those for GPUs. In a clone: apptainer run IMAGE deploy
Bootstrap: docker
From: {base}

%files
{copies}

%post
    apt-get update && apt-get install --yes --no-install-recommends git
    OUROBOROS_ENVS={place} python3 /recipe/envs/build {names}

%environment
    export OUROBOROS_ENVS={place}

%runscript
    exec {place}/{driver}/bin/snakemake "$@"
"""


def render_recipes(envs: Path) -> dict[str, str]:
    """Return the content of each recipe by its file name, for the locks in the folder *envs*."""
    known = sorted(path.stem for path in envs.glob("*.in"))
    names = [name for name in known if name not in NOT_FOR_JOBS and not name.endswith("-gpu")]
    facts = {"base": BASE, "place": IMAGE_FOLDER, "names": " ".join(names), "driver": env_id("driver", envs)}
    container = CONTAINER.format(copies="\n".join(f"COPY {path} /recipe/{path}" for path in SOURCES), **facts)
    apptainer = APPTAINER.format(copies="\n".join(f"    {path} /recipe/{path}" for path in SOURCES), **facts)
    return {"environment.yaml": HEAD + CONDA, "Containerfile": HEAD + container, "apptainer.def": HEAD + apptainer}
