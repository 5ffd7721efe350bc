"""What people see of a run that ./ouroboros started (scripts/console); it makes nothing and changes no result.

Needs: nothing
Gives: nothing
"""

from scripts.console.run import attach, begin_console

attach(workflow, config)
