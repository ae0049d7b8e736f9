"""Read `~` at the beginning of a path as the home folder, as a shell does."""

import os
from pathlib import Path


def at_home(path: str | os.PathLike[str]) -> Path:
    """Return the path with `~` or `~user` replaced by the home folder; a `~` that names no user is left as it is.

    Parameters
    ----------
    path : str or path
        A shell replaces `~` in `~/map.bcf`, but not in `--out=~/first`, and Python never does.
    """
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user
        return path
