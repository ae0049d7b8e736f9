"""Several files become one claim: what each is, whose names agree, and what cannot go together."""

import numpy as np
import pytest
from PIL import Image

from bayesunmix.claims.reading import read_claim
from tests.library.claims.test_label_pictures import cells, painted
from tests.library.claims.test_spectrum_files import msa

LABELS = cells(0, 3)


@pytest.fixture
def files(tmp_path):
    """Write what a vendor's program exports of one map."""
    Image.fromarray(painted(LABELS)).save(tmp_path / "phases.png")
    (tmp_path / "legend.csv").write_text("Cr,#e6194b\nNi,#3cb44b\nSteel 304,#ffe119\n")
    (tmp_path / "areas.csv").write_text("Phase;Area %\nCR;30,0\nni;30,0\nsteel_304;40,0\n")
    (tmp_path / "Fe K.csv").write_text("\n".join("1.5,2,3" for _ in range(4)))
    msa(tmp_path / "steel 304.msa")
    return {path.name: path for path in tmp_path.iterdir()}


def test_everything_at_once_in_any_order(files):
    for order in (list(files.values()), list(files.values())[::-1]):
        claim = read_claim(*order, elements={"CR": ["Cr", "O"]}, source="AZtec 6.2")
        assert claim.names == ("Cr", "Ni", "Steel 304")
        np.testing.assert_array_equal(claim.labels, LABELS)
        assert {name: area.fraction for name, area in claim.areas.items()} == {
            "Cr": 0.3,
            "Ni": 0.3,
            "Steel 304": 0.4,
        }
        assert list(claim.spectra) == ["Steel 304"]
        assert list(claim.maps) == ["Fe K"]
        assert claim.elements == {"Cr": ("Cr", "O")}
        assert claim.colours["Ni"] == (60, 180, 75)
        assert (claim.made_from, claim.source) == ("these counts", "AZtec 6.2")
        for said in ("'phases.png' is read as a label map", "'areas.csv' is read as a table of areas"):
            assert said in claim.notes


def test_keywords_say_the_same(files):
    claim = read_claim(
        labels=files["phases.png"],
        legend=files["legend.csv"],
        spectra=[files["steel 304.msa"]],
        areas=files["areas.csv"],
        maps={"Fe K": files["Fe K.csv"]},
        made_from="elsewhere",
    )
    same = read_claim(*map(str, files.values()))
    np.testing.assert_array_equal(claim.labels, same.labels)
    assert claim.names == same.names and claim.areas == same.areas and list(claim.maps) == list(same.maps)
    assert claim.made_from == "elsewhere"


def test_parts_alone(files):
    assert read_claim(files["areas.csv"]).names == ("CR", "ni", "steel_304")
    assert read_claim(files["areas.csv"], files["steel 304.msa"]).names == ("CR", "ni", "steel_304")
    assert read_claim(files["Fe K.csv"]).names == ()
    assert read_claim(files["legend.csv"], files["areas.csv"]).names == ("Cr", "Ni", "Steel 304")


def test_what_does_not_go_together_is_a_sentence(files, tmp_path):
    np.save(tmp_path / "grid.npy", LABELS)
    with pytest.raises(ValueError, match=r"one label map, got 'phases\.png', 'grid\.npy'"):
        read_claim(files["phases.png"], tmp_path / "grid.npy")
    with pytest.raises(ValueError, match=r"one legend, got 'legend\.csv', 'legend\.csv'"):
        read_claim(files["phases.png"], files["legend.csv"], legend=files["legend.csv"])
    with pytest.raises(ValueError, match="'Cu' belongs to none of the phases Cr, Ni, Steel 304"):
        read_claim(files["phases.png"], files["legend.csv"], elements={"Cu": ["Cu"]})
    (tmp_path / "other.csv").write_text("Cr,50 %\nZn,50 %\n")
    with pytest.raises(ValueError, match="area 'Zn' belongs to none of the phases"):
        read_claim(files["phases.png"], files["legend.csv"], tmp_path / "other.csv")
    (tmp_path / "numbers.csv").write_text("number,name\n1,Cr\n2,Ni\n")
    with pytest.raises(ValueError, match=r"'numbers\.csv' gives numbers and no colours"):
        read_claim(files["phases.png"], tmp_path / "numbers.csv")
    with pytest.raises(ValueError, match="this one is empty"):
        read_claim(files["legend.csv"])
    with pytest.raises(ValueError, match="not the symbol of an element"):
        read_claim(files["phases.png"], files["legend.csv"], elements={"Cr": ["Xx"]})
    with pytest.raises(ValueError, match="made_from must be"):
        read_claim(files["areas.csv"], made_from="somewhere")


def test_names_without_regard_to_capitals_spaces_and_signs(files, tmp_path):
    (tmp_path / "short.csv").write_text("cr;30 %\nNI;30 %\nSteel-304;40 %\n")
    claim = read_claim(files["phases.png"], files["legend.csv"], areas=tmp_path / "short.csv")
    assert set(claim.areas) == {"Cr", "Ni", "Steel 304"}


def test_numbered_spectra_are_those_of_the_phases_in_their_order(files, tmp_path):
    both = files["phases.png"], files["legend.csv"]
    claim = read_claim(*both, spectra=[msa(tmp_path / "P1.msa"), msa(tmp_path / "Phase 3.msa")])
    assert list(claim.spectra) == ["Cr", "Steel 304"]
    assert any("'P1' is read as that of 'Cr', number 1" in note for note in claim.notes)
    with pytest.raises(ValueError, match="'P4' belongs to none of the phases"):
        read_claim(*both, spectra=msa(tmp_path / "P4.msa"))
    named = read_claim(*both, spectra=msa(tmp_path / "P2.msa", title="Cr"))
    assert list(named.spectra) == ["Cr"], "its title names it"


def test_a_home_folder_and_a_relative_path(files, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_claim("areas.csv").names == read_claim("~/areas.csv").names


def test_the_same_files_give_the_same_claim(files):
    one, other = read_claim(*files.values()), read_claim(*files.values())
    assert one.notes == other.notes and one.names == other.names
    np.testing.assert_array_equal(one.labels, other.labels)
