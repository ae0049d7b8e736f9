"""TESCAN MinDIF folders: tiles on the stage become one label map."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bayesunmix.claims.claim import UNASSIGNED, UNDECIDED
from bayesunmix.claims.reading import read_claim

REAL = Path(__file__).parents[3] / ".." / "shared" / "data" / "claims" / "mindif"
SPACE = 'xmlns="http://www.tescan.cz/tima/1_4"'
N = 12  # pixels of a tile


def phases():
    """Draw a map of 2 x 3 tiles with large patches, so that seams tell where tiles belong."""
    y, x = np.mgrid[: 2 * N, : 3 * N]
    return np.where((x - 15) ** 2 + (y - 9) ** 2 < 60, 7, np.where(x + 2 * y < 40, 11, 4)).astype(np.int32)


def mindif(folder, *, right=-1, down=1, skip=(), codes=None, more=""):
    """Write a MinDIF export whose stage counts x and y in the given directions."""
    codes = phases() if codes is None else codes
    fields = []
    for i in range(2):
        for j in range(3):
            name = f"{'AB'[i]}{j:02d}"
            fields.append(f'<Field name="{name}" x="{right * j * 60 + 500}" y="{down * i * 60 - 900}"/>')
            if name in skip:
                continue
            tile = folder / "fields" / name
            tile.mkdir(parents=True)
            part = codes[i * N : (i + 1) * N, j * N : (j + 1) * N]
            Image.fromarray(part).save(tile / "phases.tif")
            mask = np.full((N, N), 255, np.uint8)
            mask[0, 0] = 0
            Image.fromarray(mask).save(tile / "mask.png")
    (folder / "fields.xml").write_text(
        f"<E {SPACE}><FieldDir>fields</FieldDir><Fields>{''.join(fields)}</Fields></E>"
    )
    (folder / "phases.xml").write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>{more}<E {SPACE}><PrimaryPhases>'
        '<PrimaryPhase id="0" name="[Unclassified]" color="#000000" mass="1"/>'
        '<PrimaryPhase id="4" name="Albite" color="#aed0cb" mass="1"/>'
        '<PrimaryPhase id="7" name="Quartz" color="#ff0000" mass="1"/>'
        '<PrimaryPhase id="11" name="Biotite" mass="1"/><PrimaryPhase id="12" name="Zircon" color="#00ff00"/>'
        "</PrimaryPhases></E>"
    )
    (folder / "measurement.xml").write_text(
        f"<E {SPACE}><ViewField>60</ViewField><ImageWidth>{N}</ImageWidth></E>"
    )
    return folder


@pytest.mark.parametrize(("right", "down"), [(-1, 1), (1, 1), (-1, -1), (1, -1)])
def test_tiles_are_put_together_whichever_way_the_stage_counts(right, down, tmp_path):
    claim = read_claim(mindif(tmp_path, right=right, down=down))
    assert claim.names == ("Albite", "Quartz", "Biotite")
    expected = np.select([phases() == code for code in (4, 7, 11)], [0, 1, 2])
    expected[::N, ::N] = UNASSIGNED
    np.testing.assert_array_equal(claim.labels, expected)
    assert claim.colours == {"Albite": (174, 208, 203), "Quartz": (255, 0, 0)}
    assert any("6 tiles, pixels of 5 um, 3 phases of 5 named" in note for note in claim.notes)


def test_unclassified_pixels_and_missing_tiles(tmp_path):
    codes = phases()
    codes[5, 5:9] = 0
    claim = read_claim(labels=mindif(tmp_path, codes=codes, skip=("B01",)) / "phases.xml")
    assert (claim.labels[5, 5:9] == UNASSIGNED).all()
    assert (claim.labels[N:, N : 2 * N] == UNDECIDED).all()
    assert (claim.labels == UNDECIDED).sum() == N * N
    assert any("1 of 6 tiles are not there" in note for note in claim.notes)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("phases.xml", "<E><P id='4' name='A'/></E>", "does not name the numbers 7, 11"),
        ("phases.xml", "<E/>", "names no phase"),
        ("phases.xml", "<E", "'phases.xml' is damaged or no XML"),
        ("phases.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><E/>", "'phases.xml' declares entities"),
        ("fields.xml", "<E/>", "none of the 0 tiles"),
        ("fields.xml", "<E><Field name='A00' x='q' y='1'/></E>", "must give a number as x of each Field"),
        (
            "fields.xml",
            "<E><Field name='A00' x='0' y='1'/><Field name='A01' x='1e12' y='1'/></E>",
            "pixels apart",
        ),
        ("fields.xml", "<E><Field name='../../x' x='0' y='1'/></E>", "outside its folder"),
        ("measurement.xml", "<E/>", "no ViewField and ImageWidth"),
        ("measurement.xml", None, "has no measurement.xml"),
        ("fields.xml", None, "has no fields.xml"),
        ("fields/A01/phases.tif", "hello", "A01|phases.tif"),
    ],
)
def test_a_damaged_folder_is_a_sentence(file, text, said, tmp_path):
    mindif(tmp_path)
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        read_claim(tmp_path)
    assert "\n" not in str(caught.value)


def test_tiles_of_different_sizes_are_refused(tmp_path):
    mindif(tmp_path)
    Image.fromarray(np.zeros((5, 5), np.int32)).save(tmp_path / "fields" / "A01" / "phases.tif")
    (tmp_path / "fields" / "A01" / "mask.png").unlink()
    with pytest.raises(ValueError, match="have different sizes"):
        read_claim(tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason="the claims of ../shared/data are not on this machine")
def test_a_real_export():
    claim = read_claim(REAL)
    assert claim.labels.shape == (100, 400)
    assert claim.n_phases == 18
    assert {"Albite", "Quartz", "Muscovite", "Hornblende"} <= set(claim.names)
    assert claim.colours["Albite"] == (174, 208, 203)
    assert (claim.labels == UNDECIDED).sum() == 0
    assert (claim.labels == UNASSIGNED).mean() == pytest.approx(0.07635)
    assert any("304 of 308 tiles are not there" in note for note in claim.notes)
