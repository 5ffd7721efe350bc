"""The frozen schema of a case, from its YAML file."""

from pathlib import Path

import yaml

from scripts.errors import BadInput, ExpressionError
from scripts.schema.schema import checked


def load_schema(path: Path) -> dict:
    """Return the schema in the YAML file at *path* with its defaults, dates as ISO text.

    Raises BadInput naming what is wrong in it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return checked(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not YAML: {error}") from error
    except ExpressionError as error:
        raise BadInput(f"{path}: {error}") from error
