"""Damaged files of every format: an image, or one sentence that names the file; nothing else, and nothing left."""

import random

import h5py
import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.io.h5 import write_blocks
from tests.library.bruker_files import write_bcf
from tests.library.test_io import save, signal
from tests.library.test_io_ripple import write as write_rpl

MUTANTS = {".emd": 15}  # whose reader is slow; 40 of every other format
COUNTS = np.random.default_rng(3).poisson(0.3, (4, 5, 60))


def make(suffix, folder):
    """Write a sound map of a format."""
    path = folder / f"map{suffix}"
    image = bu.SpectrumImage(COUNTS, 0.2 + 0.01 * np.arange(60))
    if suffix == ".npz":
        bu.write(image, path)
    elif suffix == ".h5":
        with path.open("w+b") as file:
            write_blocks(file, iter([image.counts]), image.energy_kev, image.navigation_shape, image.axes)
    elif suffix == ".bcf":
        write_bcf(path, [COUNTS], packing=1)
    elif suffix == ".rpl":
        write_rpl(folder, COUNTS, "ev-per-chan 10")
    elif suffix == ".emd":
        with h5py.File(path, "w") as file:
            file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
            group = file.create_group("data/map")
            group.attrs["emd_group_type"] = 1
            group["data"] = COUNTS
            for i, (name, size) in enumerate(zip("yxE", COUNTS.shape, strict=True), 1):
                group[f"dim{i}"] = 0.01 * np.arange(size)
                group[f"dim{i}"].attrs["name"], group[f"dim{i}"].attrs["units"] = (
                    name,
                    "keV" if i == 3 else "nm",
                )
    elif suffix == ".nc":
        bu.save_result(bu.unmix(image, 2, "pca"), path)
    else:
        save(path, signal(COUNTS.astype(np.uint16)))
    return path


def damaged(content, rng):
    """Change a byte anywhere or near the beginning, cut the end off, or scramble some bytes."""
    content = bytearray(content)
    at = rng.randrange(len(content))
    kind = rng.randrange(4)
    if kind == 0:
        content[at] ^= rng.randrange(1, 256)
    elif kind == 1:
        content[at % 4096] ^= rng.randrange(1, 256)
    elif kind == 2:
        del content[at:]
    else:
        content[at : at + 32] = rng.randbytes(len(content[at : at + 32]))
    return bytes(content)


@pytest.mark.parametrize("suffix", [".bcf", ".emd", ".h5", ".hspy", ".nc", ".npz", ".rpl"])
def test_damaged_files(suffix, tmp_path):
    path = make(suffix, tmp_path)
    read = bu.load_result if suffix == ".nc" else lambda path: bu.read(path, None)
    read(path)
    sound, rng = path.read_bytes(), random.Random(suffix)
    there = sorted(tmp_path.iterdir())
    said = []
    for _ in range(MUTANTS.get(suffix, 40)):
        path.write_bytes(damaged(sound, rng))
        try:
            read(path)
        except (ValueError, MemoryError) as error:
            said.append(str(error))
    assert said
    assert [text for text in said if "map" not in text or not text.isprintable() or len(text) > 700] == []
    assert sorted(tmp_path.iterdir()) == there
