"""Damaged and hostile files of every format: a claim, or one sentence that names the file; nothing else."""

import random
import struct
import time
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import bayesunmix as bu
from bayesunmix.claims.reading import read_claim
from tests.library.claims.test_ebsd_files import ang, ctf
from tests.library.claims.test_h5oina import ebsd, eds
from tests.library.claims.test_label_pictures import cells, painted
from tests.library.claims.test_mindif import mindif
from tests.library.claims.test_spectrum_files import msa, spx
from tests.library.test_damaged_files import damaged

JEOL = Path(__file__).parents[3] / ".." / "shared" / "data" / "claims" / "jeol_analysis_station"
LABELS = cells(0, 3, (12, 16))
MUTANTS = {".emd": 10, ".map": 10}  # 25 of every other format


def emd(path):
    """Write an element map as Berkeley's EMD."""
    with h5py.File(path, "w") as file:
        file.attrs["version_major"], file.attrs["version_minor"] = 0, 2
        group = file.create_group("data/Fe")
        group.attrs["emd_group_type"] = 1
        group["data"] = np.random.default_rng(0).poisson(3.0, (6, 8))
        for i, name in enumerate("yx", 1):
            group[f"dim{i}"] = np.arange(group["data"].shape[i - 1])
            group[f"dim{i}"].attrs["name"], group[f"dim{i}"].attrs["units"] = name, "nm"
    return path


def h5oina(path):
    with h5py.File(path, "w") as file:
        ebsd(file)
        eds(file)
    return path


def table(path, text):
    path.write_text(text)
    return path


def make(kind, folder):
    """Write a sound file of a format, and return its path and the keywords that it is read with."""
    path = folder / f"phases{kind}"
    legend = {"legend": {"A": (230, 25, 75), "B": (60, 180, 75), "C": (255, 225, 25)}}
    if kind in (".png", ".jpg", ".bmp", ".tif"):
        Image.fromarray(painted(LABELS.repeat(4, 0).repeat(4, 1))).save(path, quality=90)
        return path, legend
    if kind == ".npy":
        np.save(path, LABELS)
        return path, {}
    if kind == ".npz":
        np.savez_compressed(path, LABELS)
        return path, {}
    if kind == ".map":
        path.write_bytes((JEOL / "Sample/00_View000/View000_0000002.map").read_bytes())
        return path, {}
    text = {
        "grid.csv": "\n".join(",".join(map(str, row)) for row in LABELS),
        "legend.csv": "name,colour\nA,#e6194b\nB,#3cb44b\n",
        "areas.csv": "Phase;Area %\nA;12,3\nB;87,7\n",
        "spectra.csv": "energy_kev,A,B\n" + "\n".join(f"{i / 10},{i},{i + 1}" for i in range(1, 60)),
    }.get(kind)
    if text:
        return table(folder / f"phases{kind}", text), {}
    write = {".msa": msa, ".spx": spx, ".ctf": ctf, ".ang": ang, ".h5oina": h5oina, ".emd": emd}[kind]
    return write(path), {}


KINDS = [
    *(".png", ".jpg", ".bmp", ".tif", ".npy", ".npz", "grid.csv", "areas.csv", "spectra.csv"),
    *(".msa", ".spx", ".ctf", ".ang", ".h5oina", ".emd"),
    pytest.param(
        ".map", marks=pytest.mark.skipif(not JEOL.is_dir(), reason="no claims of ../shared/data here")
    ),
]


def refusals(path, read, n, seed):
    """Read n mutants of a file, and return what was said of those that were refused."""
    read()
    sound, rng, said = path.read_bytes(), random.Random(seed), []
    for _ in range(n):
        path.write_bytes(damaged(sound, rng))
        try:
            read()
        except (ValueError, MemoryError) as error:
            said.append(str(error))
    path.write_bytes(sound)
    return said


def bad(said, *names):
    """Return the refusals that name none of the files, or are no one line to read."""
    return [
        text
        for text in said
        if not any(n in text for n in names) or not text.isprintable() or len(text) > 900
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_mutants(kind, tmp_path):
    path, keywords = make(kind, tmp_path)
    there = sorted(tmp_path.iterdir())
    said = refusals(path, lambda: read_claim(path, **keywords), MUTANTS.get(kind, 25), kind)
    assert said and bad(said, "phases") == []
    assert sorted(tmp_path.iterdir()) == there


def test_mutants_of_a_legend(tmp_path):
    Image.fromarray(painted(LABELS)).save(tmp_path / "map.png")
    path, _ = make("legend.csv", tmp_path)
    said = refusals(path, lambda: read_claim(tmp_path / "map.png", legend=path), 25, 1)
    assert said and bad(said, "phaseslegend.csv") == []


def test_mutants_of_counts_in_h5oina(tmp_path):
    path = h5oina(tmp_path / "map.h5oina")
    said = refusals(path, lambda: bu.read(path, None), 20, 2)
    assert said and bad(said, "map.h5oina") == []


@pytest.mark.parametrize("file", ["phases.xml", "fields.xml", "measurement.xml", "fields/A01/phases.tif"])
def test_mutants_of_a_mindif_folder(file, tmp_path):
    (tmp_path / "export").mkdir()
    folder = mindif(tmp_path / "export")
    said = refusals(folder / file, lambda: read_claim(folder), 12, file)
    assert said and bad(said, "export", ".xml", "A01") == []


def png(width, height, data=b""):
    """Write the bytes of a PNG that says it is large."""

    def chunk(name, content):
        crc = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_bombs(tmp_path):
    started = time.monotonic()
    (tmp_path / "big.png").write_bytes(png(50_000, 50_000))
    with pytest.raises(ValueError, match=r"'big\.png' has 2,500,000,000 pixels, more than a map has"):
        read_claim(tmp_path / "big.png")
    (tmp_path / "cut.png").write_bytes(png(9000, 9000, zlib.compress(b"\0" * 1000)))
    with pytest.raises(ValueError, match=r"'cut\.png'"):
        read_claim(tmp_path / "cut.png")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        start = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000, 1000), }".ljust(117) + b"\n"
        archive.writestr(
            "a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(start)) + start + b"\0" * 10**6
        )
    with pytest.raises((ValueError, MemoryError), match=r"'bomb\.npz'"):
        read_claim(tmp_path / "bomb.npz")
    np.save(tmp_path / "pickled.npy", np.array([{1: 2}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"'pickled\.npy'"):
        read_claim(tmp_path / "pickled.npy")
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.png", b"hello", "no picture that can be read"),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(40), "is a PNG picture, and no text"),
        ("a.csv", b"PK\x03\x04" + bytes(40), "is a zip archive"),
        ("a.csv", bytes(range(256)) * 8, "is no text"),
        ("a.csv", b"\xff\xfe\x00", "does not decode|is empty"),
        ("a.txt", b"\xd0\xcf\x11\xe0" + bytes(99), "an old Office file"),
        ("a.bcf", b"x", "holds counts, and no claim"),
        ("a.xlsx", b"x", "cannot read 'a.xlsx' as a claim"),
        ("a", b"x", "got none"),
        ("a.npy", b"\x93NUMPY\x01\x00", "cannot read 'a.npy'"),
        ("a.emd", b"x", "is no .emd file"),
        ("a.h5oina", b"x", "is no .h5oina file"),
    ],
)
def test_what_is_no_claim_is_a_sentence(name, content, said, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(tmp_path / name)
    assert repr(name) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_not_there_is_a_sentence(tmp_path):
    for keywords in (
        {"labels": "x.png"},
        {"legend": "x.png"},
        {"areas": "x.png"},
        {"spectra": ["x.png"]},
        {"maps": {"S": "x.png"}},
    ):
        with pytest.raises(FileNotFoundError, match=r"there is no file 'x\.png'"):
            read_claim(**keywords)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_claim(tmp_path / "x.csv")
    with pytest.raises(ValueError, match="is a folder, and no MinDIF export"):
        read_claim(tmp_path)
    with pytest.raises(ValueError, match="this one is empty"):
        read_claim()
