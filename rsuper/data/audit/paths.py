"""Texts without paths: the names of files and folders may tell who a patient is."""

import re
from collections.abc import Mapping

_FILE = re.compile(r"[^\s:;,'\"]*[/\\][^\s:;,'\"]*\.nii(?:\.gz)?\b")


def without_paths(text: str, names: Mapping[str, str]) -> str:
    """Replace paths, and whatever else tells whose they are, in the text of an error.

    Args:
        text: of the error.
        names: path or id -> what to call it. Blank ones are passed over; files that are not among them, but
            look like volumes, become "a file".
    """
    for place in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(place, names[place])
    return _FILE.sub("a file", text)
