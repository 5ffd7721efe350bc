"""DVC's cache and settings, read without DVC: its start would cost more than all else in a dry run."""

import configparser
import os
from pathlib import Path

CONFIGS = ("~/.config/dvc/config", ".dvc/config", ".dvc/config.local")  # the last one counts


def setting(section: str, name: str) -> tuple[str, Path] | None:
    """Return the value of DVC's setting *section*.*name* and the folder of the file that says so, None if unset."""
    found = None
    for place in CONFIGS:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(os.path.expanduser(place))
        if parser.has_option(section, name):
            found = parser.get(section, name), Path(os.path.expanduser(place)).parent
    return found


def cached(md5: str) -> Path:
    """Return where DVC 3 keeps the object *md5*."""
    configured = setting("cache", "dir")
    folder = configured[1] / os.path.expanduser(configured[0]) if configured else Path(".dvc/cache")
    return folder / "files/md5" / md5[:2] / md5[2:]
