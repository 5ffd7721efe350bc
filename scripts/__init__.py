"""All own code. A job watches what it opens from its first own import on (provenance/opened_files.py)."""

import sys

if "--job-spec" in sys.argv:
    from scripts.provenance.opened_files import watch

    watch()
