"""EBSD phases from .ctf and .ang."""

import numpy as np
import pytest

from bayesunmix.claims.claim import UNASSIGNED
from bayesunmix.claims.reading import read_claim

CODES = np.random.default_rng(3).integers(0, 3, (6, 8))


def ctf(path, codes=CODES, *, comma=False, names=("Iron bcc (old)", "Sigma"), cells=None):
    height, width = codes.shape if cells is None else cells
    rows = [
        f"{c}\t{0.5 * x:.4f}\t{0.5 * y:.4f}\t8\t0\t10.1\t20.2\t30.3\t0.5\t99\t200"
        for y, row in enumerate(codes)
        for x, c in enumerate(row)
    ]
    phases = [f"2.87;2.87;2.87\t90;90;90\t{name}\t11\t229\t\t\tHoward" for name in names]
    text = "\r\n".join(
        [
            *(
                "Channel Text File",
                "Prj\tmap 1",
                "Author\tx",
                "JobMode\tGrid",
                f"XCells\t{width}",
                f"YCells\t{height}",
            ),
            *(
                "XStep\t0.5",
                "YStep\t0.5",
                "AcqE1\t0",
                "Euler angles refer to Sample Coordinate system (CS0)!",
            ),
            *(f"Phases\t{len(names)}", *phases),
            "Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS",
            *rows,
        ]
    )
    path.write_text(text.replace(".", ",") if comma else text, newline="")
    return path


def ang(path, codes=CODES, *, grid="SqrGrid", names=("Austenite", "Ferrite"), even=None, headers=True):
    height, width = codes.shape
    phases = [
        f"# Phase {i}\n# MaterialName  \t{name}\n# Formula \tFe\n# Symmetry 43"
        for i, name in enumerate(names, 1)
    ]
    head = [
        *(
            "# HEADER: Start",
            "# TEM_PIXperUM 1.0",
            *phases,
            f"# GRID: {grid}",
            "# XSTEP: 0.5",
            "# YSTEP: 0.5",
        ),
        *(f"# NCOLS_ODD: {width}", f"# NCOLS_EVEN: {width if even is None else even}", f"# NROWS: {height}"),
        *(["# COLUMN_HEADERS: phi1, PHI, phi2, x, y, IQ, CI, Phase index, SEM, Fit"] if headers else []),
        "# HEADER: End",
    ]
    rows = [
        f"  1.00000   2.00000   3.00000   {x:.5f}   {y:.5f}  100.0  {-1 if c == 0 else 0.9:6.3f}  {max(c, 1)}  1  1.1"
        for y, row in enumerate(codes)
        for x, c in enumerate(row)
    ]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


@pytest.mark.parametrize("comma", [False, True])
def test_ctf(comma, tmp_path):
    claim = read_claim(ctf(tmp_path / "a.ctf", comma=comma))
    assert claim.names == ("Iron bcc (old)", "Sigma")
    np.testing.assert_array_equal(claim.labels, CODES - 1)
    assert claim.made_from == "elsewhere"
    assert any("are not indexed" in note for note in claim.notes)
    assert read_claim(labels=tmp_path / "a.ctf", made_from="these counts").made_from == "these counts"


@pytest.mark.parametrize("headers", [False, True])
def test_ang(headers, tmp_path):
    claim = read_claim(ang(tmp_path / "a.ang", headers=headers))
    assert claim.names == ("Austenite", "Ferrite")
    np.testing.assert_array_equal(claim.labels, CODES - 1)
    assert claim.made_from == "elsewhere"


def test_an_ang_of_one_phase_writes_zero(tmp_path):
    path = ang(tmp_path / "a.ang", np.where(CODES == 0, 0, 1), names=("Austenite",))
    path.write_text(path.read_text().replace("  1  1  1.1", "  0  1  1.1"))
    claim = read_claim(path)
    assert claim.names == ("Austenite",)
    np.testing.assert_array_equal(claim.labels, np.where(CODES == 0, UNASSIGNED, 0))


def test_phases_of_one_name_are_numbered_and_those_that_are_nowhere_left_out(tmp_path):
    claim = read_claim(ctf(tmp_path / "a.ctf", names=("Iron", "Iron", "Other")))
    assert claim.names == ("Iron (1)", "Iron (2)")


def test_hexagonal_grids_are_refused(tmp_path):
    for path in (
        ang(tmp_path / "a.ang", grid="HexGrid"),
        ang(tmp_path / "b.ang", even=CODES.shape[1] - 1),
    ):
        with pytest.raises(ValueError, match=rf"'{path.name}' has a hexagonal grid"):
            read_claim(path)


@pytest.mark.parametrize(
    ("write", "change", "said"),
    [
        (ctf, ("XCells\t8", "XCells\t9"), "one row for each pixel of its grid, 54, and has 48"),
        (ctf, ("XCells\t8", "XCells\tx"), "must give XCells"),
        (ctf, ("XCells\t8", "XCells\t999999999"), "must give XCells"),
        (ctf, ("Phase\tX", "Fase\tX"), "no line 'Phase X Y"),
        (ctf, ("Phases\t2", "Phases\t1"), r"uses the phases \[2\]"),
        (ctf, ("\t8\t0", "\t8\t0\nx"), "one row for each pixel"),
        (ang, ("NROWS: 6", "NROWS: 7"), "has 48"),
        (ang, ("NROWS: 6", "NROWS:"), "must give NROWS"),
        (ang, ("# Phase 2", "# Fase 2"), r"uses the phases \[2\]"),
        (ang, ("100.0", "100.0 x"), "no number in column"),
    ],
)
def test_damaged_files_are_a_sentence(write, change, said, tmp_path):
    path = write(tmp_path / ("a.ctf" if write is ctf else "a.ang"))
    text = path.read_bytes().decode()
    assert change[0] in text
    path.write_bytes(text.replace(*change, 1).encode())
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(path)
    assert path.name in str(caught.value)


def test_nothing_indexed_is_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"'a\.ctf' has no pixel with a phase"):
        read_claim(ctf(tmp_path / "a.ctf", 0 * CODES))
