"""Load the data schema of a case from its YAML file."""

import json
from pathlib import Path

from scripts.data.yaml_file import parse_yaml
from scripts.errors import ExpressionError, InputError
from scripts.provenance.canonical import canonical
from scripts.schema.schema import validate_schema


def load_schema(path: Path) -> dict:
    """Return the schema in the YAML file at *path*, completed with defaults; dates are ISO texts.

    Keys are sorted: their order in the file does not count in fingerprints, so it must not count in outputs either.

    Raises InputError that says what is wrong with the file.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
        return json.loads(canonical(validate_schema(content)))
    except ExpressionError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {error}") from error
