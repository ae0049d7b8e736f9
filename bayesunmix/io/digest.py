"""Compute the digest of a data file, by which a result knows the file that it was made from."""

import hashlib
from pathlib import Path

from bayesunmix.io.ripple import raw_of


def sha256(file: Path) -> str:
    """Return the SHA-256 digest of a file.

    Where a format has several files (.zspy, .rpl with .raw), it is the digest of all of them in the order of their
    names.
    """
    digest = hashlib.sha256()
    for part in files_of(file):
        with part.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def files_of(file: Path) -> list[Path]:
    """List the files that a map consists of."""
    if file.is_dir():
        return sorted(part for part in file.rglob("*") if part.is_file())
    raw = raw_of(file) if file.suffix.lower() == ".rpl" else None
    return [file] if raw is None else [file, raw]
