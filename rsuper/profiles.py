"""Whether the profiles that a command line names are there: Snakemake would run without them, here."""

import os
from collections.abc import Sequence
from pathlib import Path

from rsuper.errors import ConfigError

OPTIONS = ("--workflow-profile", "--profile")
NONE = "none"  # how Snakemake is told to use no profile


def require_profiles(words: Sequence[str], root: Path) -> None:
    """Make sure that every profile of a Snakemake command line is a folder with a profile in it.

    Args:
        words: of the command line.
        root: of the project; its profiles are named where another one is not found.

    Raises:
        ConfigError: a profile is not there.
    """
    for word, value in zip(words, [*words[1:], ""], strict=True):
        option, mark, own = word.partition("=")
        name = own if mark else value
        if option in OPTIONS and name != NONE and profile_file(name) is None:
            known = sorted(f"profiles/{path.parent.name}" for path in root.glob("profiles/*/profile.yaml"))
            raise ConfigError(f"{option} {name}: no folder with a profile.yaml; there are {', '.join(known)}")


def profile_file(name: str) -> Path | None:
    """The file that Snakemake reads for a profile's name; None where there is none."""
    files = (path for place in _places(name) for path in _files(place))
    return next(files, None)


def _places(name: str) -> list[Path]:
    """Where Snakemake looks: here, in the user's settings and in the machine's."""
    own = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config"))
    return [Path(name), own / "snakemake" / name, Path("/etc/xdg/snakemake") / name]


def _files(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("profile*.yaml")), *sorted(folder.glob("config*.yaml"))]
