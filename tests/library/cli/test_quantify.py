"""`bayesunmix quantify`: what it prints and writes is what the library answers."""

import csv

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.io.msa import load_msa

ELEMENTS = ("Ni", "Cr", "Si")


@pytest.fixture(scope="module")
def words():
    return ("--elements", "Ni, Cr,Si", "--beam", 200, "--interval", 0.8, "--seed", 2)


def test_a_composition(run, film, prepared, tmp_path, strict, words):
    region = np.zeros((8, 40), bool)
    region[2:8, 0:10] = True
    expected = bu.quantify(
        *prepared,
        ELEMENTS,
        beam_kev=200,
        level=0.8,
        seed=2,
        regions={"region": region},
        formulas=["NiCr"],
        maps=True,
    )
    files = [tmp_path / f"q{suffix}" for suffix in (".csv", ".html", ".json", ".npz", ".png")]
    asked = [word for file in files for word in ("--out", file)]
    status, out, err = run("quantify", film, *words, "--box", "2:8,0:10", "--formula", "NiCr", *asked)
    assert (status, err) == (0, "")
    assert out == f"{expected}\n" + "".join(f"written    {file}\n" for file in files)
    rows = expected.rows()
    assert strict(files[2])["parts"] == rows
    with files[0].open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["atomic"]) for row in read] == [row["atomic"] for row in rows]
    assert {row["kind"] for row in read} == {"component", "region"}
    with np.load(files[3], allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["mean"], expected.maps.mean)
        assert arrays["elements"].tolist() == list(ELEMENTS)
    page = files[1].read_text(encoding="utf-8")
    for said in (*ELEMENTS, expected["region"].sentence(), "nearest formula: NiCr", "k-factor"):
        assert said in page
    assert files[4].read_bytes().startswith(b"\x89PNG")


def test_factors_from_a_file_and_absorption(run, film, prepared, tmp_path, words):
    file = tmp_path / "k.csv"
    file.write_text("Ni_Ka,1.86,0.05\nCr_Ka,1.56,0.05\nSi_Ka,1.0,0\n")
    more = {"thickness_nm": 80.0, "density": 8.0, "takeoff_deg": 30.0}
    expected = bu.quantify(*prepared, ELEMENTS, k_factors=file, beam_kev=200, level=0.8, seed=2, **more)
    options = ("--k-factors", file, "--thickness", 80, "--density", 8, "--takeoff", 30)
    status, out, err = run("quantify", film, *words, *options)
    assert (status, err, out) == (0, "", f"{expected}\n")
    assert "Ni_Ka 1.86" in out


def test_spectra_and_k_ratios(run, film, prepared, tmp_path):
    (tmp_path / "spectra").mkdir()
    request = ("quantify", film, "--live-time", 0.01, "--current", 2)
    status, out, _ = run(*request, "--msa", tmp_path / "spectra")
    files = sorted((tmp_path / "spectra").iterdir())
    assert status == 0 and len(files) == len(prepared[0].names) and str(files[0]) in out
    nickel = next(file for file in files if "Ni" in file.name and load_msa(file).dose)
    status, out, _ = run(*request, "--standard", f"Ni={nickel}")
    assert status == 0 and "k-ratio" in out and "standard +-" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--elements", "Pb,Xx"), "chemical symbol"),
        (("--thickness", 80), "thickness_nm needs the density"),
        (("--beam", 15), "bulk specimen"),
        (("--k-factors", "nowhere.csv"), "with k-factors; check the name"),
        (("--standard", "Fe"), "--standard must be ELEMENT=FILE"),
        (("--standard", "Ni=x.msa"), "give --live-time and --current"),
        (("--msa", "no/such/folder"), "there is no folder"),
        (("--out", "q.txt"), "--out writes"),
    ],
)
def test_a_mistake_is_one_sentence(run, film, words, said):
    status, out, err = run("quantify", film, *words)
    assert status == 2 and out == "" and said in err and err.count("\n") == 1
