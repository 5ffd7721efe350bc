"""The case that a run is about: config/cases/<case>.yaml."""

import difflib
import re
from pathlib import Path

from scripts.data.yaml_file import check_yaml
from scripts.errors import ConfigError

CASES = Path("config/cases")
NAME = re.compile(r"[a-z][a-z0-9_-]*")  # the rule for `case` in config/schema.yaml


def locate_case(config: dict) -> str:
    """Return the path of the file of the case that *config* names. Raises ConfigError if there is none."""
    case = config.get("case")
    if not isinstance(case, str) or not NAME.fullmatch(case):
        raise ConfigError(f"case must be the name of a file in {CASES}, without .yaml: got {case!r}")
    path = CASES / f"{case}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in CASES.glob("*.yaml"))
        near = difflib.get_close_matches(case, known, 1)
        advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
        raise ConfigError(f"there is no case {case} ({path} is missing); {advice}")
    check_yaml(str(path))
    return str(path)
