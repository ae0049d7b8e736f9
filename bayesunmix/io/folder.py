"""A folder that appears whole or not at all: it is filled under another name and renamed at the end."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_MARK = "summary.json"


@contextlib.contextmanager
def new_folder(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder and give it its name when all is done.

    Whatever ends the block early leaves `path` as it was: the earlier folder is moved aside only when the new
    one is complete, and moved back should the last step fail.

    Parameters
    ----------
    path : Path
        The folder to make, with missing parents. It may be there already if it is empty.
    overwrite : bool
        Replace the results of an earlier run (a folder that holds `summary.json`).

    Yields
    ------
    temporary : Path
        An empty folder beside `path` to write into.

    Raises
    ------
    ValueError
        If `path` is there and may not be replaced, or if no folder can be made there.
    """
    path = Path(os.path.abspath(path))
    _check_free(path, overwrite)
    home = next(parent for parent in path.parents if parent.exists())
    temporary, aside = (home / f".{path.name}.{os.getpid()}.{role}" for role in ("part", "old"))
    try:
        temporary.mkdir()
    except OSError as error:
        raise ValueError(
            f"cannot make the folder {str(path)!r}: {error.strerror} in {str(home)!r}; choose another --out"
        ) from error
    try:
        yield temporary
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.rename(aside)
        temporary.rename(path)
    except BaseException:
        if aside.exists() and not path.exists():
            aside.rename(path)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if path.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _check_free(path: Path, overwrite: bool) -> None:
    if path.exists() and not path.is_dir():
        raise ValueError(f"the results go to a folder, but {str(path)!r} is a file; choose another --out")
    if not path.exists() or not any(path.iterdir()):
        return
    if not overwrite:
        raise ValueError(
            f"the folder {str(path)!r} is not empty; "
            "choose another --out, or replace its results with --overwrite"
        )
    if not (path / _MARK).is_file():
        raise ValueError(
            f"--overwrite replaces the results of an earlier run, but {str(path)!r} holds other files and no "
            f"{_MARK}; choose another --out"
        )
