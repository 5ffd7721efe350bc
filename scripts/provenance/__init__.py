"""Decide which jobs must run: records next to results, a checkpoint per rule, one input that is newer when stale.

- Every job writes `record.json` next to its outputs, last of all. It holds the digests of the outputs and a fingerprint
  of all that they depend on: the syntax trees of the script and of all own modules that it imports, the lock and the
  Python of the environment, the configuration values and parameters of the rule, the shell command, and the digests of
  the inputs.
- A job is stale if an output is missing, or if its current fingerprint differs from the recorded one (staleness.py).
  The records alone decide: neither modification times nor `.snakemake` nor the path of the checkout count, so a clone
  that pulls results is up to date.
- Snakemake decides by modification times (`rerun-triggers: [mtime]`). When it evaluates the inputs of a stale job,
  `when_stale` gives it a trigger file that is newer than the outputs; all other inputs are `ancient(...)`.
- The digest of an input is known only once its producer has run. So every recorded rule (except fetch) is a checkpoint,
  and `when_stale` makes Snakemake wait while an upstream job is stale. If that job reproduces its old bytes, the jobs
  after it keep their fingerprints and do not run: the cascade stops there.
- What a fingerprint cannot follow is refused: a job fails if it read a file of the clone, or imported a module, that is
  neither in its fingerprint nor named by its command line (opened_files.py).
- Transient inputs (raw bytes, shards) are needed while a job runs and do not count in its fingerprint; they are made
  only for stale jobs (`only_when_stale`).
- A job gets its fingerprint in a job spec (snakemake_api.py). It checks its inputs against the recorded digests before
  and after its work, and its outputs and its record appear under their names only if it succeeds (run_job.py).
- This requires canonical outputs: the same inputs give the same bytes on any machine (canonical.py).
"""
