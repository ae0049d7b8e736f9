"""Compute the digest of a data file, by which a result knows the file that it was made from."""

import hashlib
from pathlib import Path


def sha256(file: Path) -> str:
    """Return the SHA-256 digest of a file.

    Where a format has several files (.zspy, .rpl with .raw), it is the digest of all of them in the order of their
    names.
    """
    parts = sorted(p for p in file.rglob("*") if p.is_file()) if file.is_dir() else [file]
    if file.suffix.lower() == ".rpl":
        parts += sorted(p for p in file.parent.glob(f"{file.stem}.*") if p.suffix.lower() == ".raw")
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    return digest.hexdigest()
