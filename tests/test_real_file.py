"""From a microscope's file to phases, through the command line: a dacite at 22 counts per pixel (20 kV SEM)."""

import json
from pathlib import Path

import numpy as np
import pytest

from bayesunmix.cli import main

FILE = Path(__file__).parents[1] / ".." / "shared" / "data" / "real" / "P45_the_default_job.bcf"


def window(energy_kev, endmember, centre_kev):
    """Share of an endmember within 60 eV of a line."""
    return endmember[np.abs(energy_kev - centre_kev) < 0.06].sum()


@pytest.mark.skipif(
    not FILE.exists(), reason="the microscope files of ../shared/data are not on this machine"
)
def test_minerals_of_a_dacite(tmp_path, monkeypatch, capsys):
    out = tmp_path / "results"

    def status(*words):
        monkeypatch.setattr("sys.argv", ["bayesunmix", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0

    assert status("unmix", FILE, "--components", 4, "--method", "nmf", "--seed", 0, "--out", out) == 0
    assert "cropped below 0.2 keV" in capsys.readouterr().err

    summary = json.loads((out / "summary.json").read_text())
    assert summary["input"]["shape"] == [75, 100, 2048]
    assert summary["input"]["counts"] == 165_941
    assert summary["crop"] == {"below_kev": 0.2, "channels": 68, "counts": pytest.approx(29_000, rel=0.02)}

    energy, *endmembers = np.loadtxt(out / "endmembers.csv", delimiter=",", skiprows=1).T
    abundances = np.load(out / "abundances.npz")["abundances"]
    assert abundances.shape == (75, 100, 4)
    assert abundances.sum() == pytest.approx(165_941 - summary["crop"]["counts"], rel=1e-3)
    np.testing.assert_allclose(np.sum(endmembers, axis=1), 1, rtol=1e-6)

    aluminium, iron = (np.array([window(energy, e, line) for e in endmembers]) for line in (1.487, 6.40))
    plagioclase, mafic = int(aluminium.argmax()), int(iron.argmax())
    assert plagioclase != mafic
    assert window(energy, endmembers[plagioclase], 1.04) > 0.04, "plagioclase holds the Na"
    assert window(energy, endmembers[mafic], 1.254) > 0.08, "the mafic laths hold the Mg"
    # Both are grains, not a haze: a tenth of the pixels holds most of the mafic counts.
    totals = np.sort(abundances[..., mafic].ravel())[::-1]
    assert totals[: totals.size // 10].sum() > 0.4 * totals.sum()

    # The result knows its file, and says what of it is certain.
    assert status("check", out, "--out", tmp_path / "check.json") in (0, 1)
    assert set(json.loads((tmp_path / "check.json").read_text())) >= {"alarm", "sentences", "regions"}
    assert status("identify", out, "--out", tmp_path / "ranges.json") == 0
    ranges = json.loads((tmp_path / "ranges.json").read_text())["components"]
    assert all(
        0 <= r["lower"] <= r["fraction"] + 1e-9 and r["fraction"] <= r["upper"] + 1e-9 <= 1.1 for r in ranges
    )
