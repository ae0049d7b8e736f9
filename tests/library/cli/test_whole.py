"""From a file to a number with its error: the recommended method, its settings typed, and a region asked."""

import numpy as np

import bayesunmix as bu
from simulations.phantom import PHANTOMS
from simulations.trial import acquire


def test_phases_of_a_film(run, tmp_path, strict):
    trial = acquire(PHANTOMS["nicr_film"]((8, 40), n_channels=450, vacuum_nm=0), 200, 0)
    bu.write(trial.image, tmp_path / "film.npz")
    settings = ("endmember_model=phases", "phases=Si;Cr;Ni", "n_warmup=40", "n_draws=40", "n_maps=20")
    words = [word for setting in settings for word in ("--set", setting)]
    status, out, _ = run("unmix", tmp_path / "film.npz", "--out", tmp_path / "film", *words)
    assert status == 0 and "bayes      3 components: " in out
    result = bu.load_result(tmp_path / "film" / "result.nc")
    assert result.names == ("Si", "Cr", "Ni")
    assert result.info["settings"]["phases"] == [["Si"], ["Cr"], ["Ni"]]
    assert run("region", tmp_path / "film", "--box", ":,20:30", "--out", tmp_path / "box.json")[0] == 0
    box = np.zeros((8, 40), bool)
    box[:, 20:30] = True
    truth = trial.truth.abundances[box.ravel()].sum(axis=0) / trial.truth.abundances[box.ravel()].sum()
    found = {
        q["component"]: q for q in strict(tmp_path / "box.json")["quantities"] if q["quantity"] == "fraction"
    }
    for label, share in zip(trial.phantom.labels, truth, strict=True):
        assert abs(found[label]["mean"] - share) < 0.03
