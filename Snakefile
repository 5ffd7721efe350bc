"""A machine-learning life cycle as files: `snakemake deploy` rebuilds exactly what is stale."""

import os
import sys

from snakemake.utils import min_version

from scripts.config.cases import locate_case
from scripts.data.yaml_file import check_yaml

min_version("9.27")
check_yaml("config/config.yaml")
if os.path.realpath(".") != os.path.realpath(workflow.basedir):  # all paths, also the records', start there
    sys.exit(f"error: start in the folder of the Snakefile, without --directory: cd {workflow.basedir}")


configfile: "config/config.yaml"
configfile: locate_case(config)


include: "rules/common.smk"
include: "rules/console.smk"
include: "rules/version.smk"
include: "rules/ingest.smk"
include: "rules/validate.smk"
include: "rules/propose.smk"
include: "rules/lookup.smk"
include: "rules/cross_fit.smk"
include: "rules/preprocess.smk"
include: "rules/tune.smk"
include: "rules/train.smk"
include: "rules/analyze.smk"
include: "rules/register.smk"
include: "rules/deploy.smk"
include: "rules/challengers.smk"
include: "rules/serve.smk"
include: "rules/predict.smk"
include: "rules/export.smk"
include: "rules/feedback.smk"
include: "rules/report.smk"
include: "rules/explain.smk"
include: "rules/claims.smk"
include: "rules/release.smk"


onstart:
    become_only_submitter(workflow, CASE)
    begin_console()


rule all:
    """The whole life cycle: deploy."""
    default_target: True
    input:
        rules.deploy.output.record,
    localrule: True
