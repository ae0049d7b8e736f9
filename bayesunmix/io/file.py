"""Write a file so that it appears whole or not at all: under another name, and renamed at the end."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file name beside `path`, and rename that file to `path` once it is complete.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    IsADirectoryError
        If the path itself is a folder.
    PermissionError
        If the folder may not be written to.
    OSError
        If the disk is full.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(path.parent)!r} to write {path.name!r} in; make it first"
        )
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give the name of a file in it")
    prefix = f".{os.getpid()}.part."
    if path.name.startswith(prefix):  # part of a larger whole, which renames it
        yield path
        return
    temporary = path.with_name(prefix + path.name)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None:  # a sentence already
            raise
        if error.errno in _NO_ROOM:
            raise OSError(
                f"no room left on the disk while writing {path.name!r}, nothing was kept; "
                "free some space or write elsewhere"
            ) from error
        raise type(error)(
            f"{path.name!r} cannot be written in {str(path.parent)!r}: {os.strerror(error.errno)}; "
            "choose a folder of yours"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
