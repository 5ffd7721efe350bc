"""DVC's cache and settings, read without importing DVC, which would take most of the time of a dry run."""

import configparser
import os
from pathlib import Path

CONFIGS = ("~/.config/dvc/config", ".dvc/config", ".dvc/config.local")  # in increasing precedence


def dvc_setting(section: str, name: str) -> tuple[str, Path] | None:
    """Return the value of DVC's setting *section*.*name* and the folder of its configuration file, None if unset."""
    value = None
    for config_file in CONFIGS:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(os.path.expanduser(config_file))
        if parser.has_option(section, name):
            value = parser.get(section, name), Path(os.path.expanduser(config_file)).parent
    return value


def cache_folder() -> Path:
    """Return the folder of DVC's cache, whether it exists or not."""
    configured = dvc_setting("cache", "dir")
    return configured[1] / os.path.expanduser(configured[0]) if configured else Path(".dvc/cache")


def cache_path(md5: str) -> Path:
    """Return the path of the object *md5* in DVC 3's cache, whether it exists or not."""
    return cache_folder() / "files/md5" / md5[:2] / md5[2:]
