"""From a file to a number with its error: the recommended method, its settings typed, and a region asked."""

import numpy as np
import pytest

import bayesunmix as bu
from tests.quick import SETTINGS, film


@pytest.mark.slow
def test_phases_of_a_film(run, tmp_path, strict):
    trial = film()
    bu.write(trial.image, tmp_path / "film.npz")
    settings = {"endmember_model": "phases", "phases": "Si;Cr;Ni", **SETTINGS["bayes"]}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    status, out, _ = run("unmix", tmp_path / "film.npz", "--out", tmp_path / "film", *words)
    assert status == 0 and "bayes      3 components: " in out
    result = bu.load_result(tmp_path / "film" / "result.nc")
    assert result.names == ("Si", "Cr", "Ni")
    assert result.info["settings"]["phases"] == [["Si"], ["Cr"], ["Ni"]]
    assert run("region", tmp_path / "film", "--box", ":,10:20", "--out", tmp_path / "box.json")[0] == 0
    box = np.zeros((24, 32), bool)
    box[:, 10:20] = True
    truth = trial.truth.abundances[box.ravel()].sum(axis=0) / trial.truth.abundances[box.ravel()].sum()
    rows = strict(tmp_path / "box.json")["quantities"]
    found = {row["component"]: row["mean"] for row in rows if row["quantity"] == "fraction"}
    np.testing.assert_allclose([found[label] for label in trial.phantom.labels], truth, atol=0.05)
