"""Claims with planted errors: each is what it says it is, and their rows make a page and findings."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.calibration import CALIBRATIONS
from benchmarks.calibrations._planted_claims import built, plants, right_labels
from benchmarks.calibrations.validate import measure, summarise
from benchmarks.pages.claims import claims
from benchmarks.reporting.findings import of_validations

PLANTS = plants()


@pytest.mark.parametrize("case", [case for case in PLANTS if case != "split: by clustering"])
def test_a_plant_is_wrong_where_it_says_and_nowhere_else(case):
    planted = PLANTS[case].make(2.0, 1)
    image, claim = planted.trial.image, planted.claim
    phantom = planted.trial.phantom
    assert image.navigation_shape == phantom.navigation_shape or case.startswith("turned")
    right = right_labels(phantom)
    if PLANTS[case].tests == ():
        np.testing.assert_array_equal(claim.labels, _numbered(claim, right, phantom))
    if planted.wrong is not None and claim.labels.shape == right.shape and not case.startswith("missed"):
        same = claim.labels == _numbered(claim, right, phantom)
        assert (same | planted.wrong | (claim.labels < 0)).all()
        assert not same[planted.wrong].any()
    if planted.pair is not None:
        assert 0 < planted.difficulty < 1e6


def _numbered(claim, labels, phantom):
    """Number true labels as the claim does; -9 for a phase that it has not."""
    number = {k: claim.names.index(n) if n in claim.names else -9 for k, n in enumerate(phantom.labels)}
    return np.vectorize(lambda k: number.get(k, -1))(labels)


def test_a_missed_phase_is_in_the_counts_and_not_in_the_map():
    planted = PLANTS["missed: Ni in Cr"].make(50.0, 0)
    phantom = built("nicr_film")
    nickel = (phantom.energy_kev > 7.2) & (phantom.energy_kev < 7.7)
    inside = planted.trial.image.counts[planted.wrong.ravel()].sum(axis=0)
    assert inside[nickel].sum() > 0.5 * inside.sum()
    assert planted.wrong.mean() == pytest.approx(0.005, abs=0.001)
    assert set(planted.claim.labels[planted.wrong]) == {planted.claim.names.index("Cr")}


def test_one_cell_and_what_is_made_of_it(tmp_path):
    rows = pd.DataFrame(
        [
            {"case": case, "dose": dose, "seed": 0, **measure(case, dose, 0)}
            for case, dose in (("right: nicr_film", 5.0), ("merged: Cr + Ni", 5.0))
        ]
    )
    right, merged = rows.to_dict("records")
    assert right["contradicted"] == "" and merged["found"] and not merged["supported"]
    table = summarise(rows)
    assert table["found"].tolist() == [0, 1] and table["least_found"].isna().tolist() == [True, False]
    found = list(of_validations(table))
    assert [one.met for one in found] == [True, True] and "0 of 1 reports" in found[0].sentence
    rows.to_csv(tmp_path / "validate.csv", index=False)
    (tmp_path / "validate.json").write_text(json.dumps({}))
    (tmp_path / "figures").mkdir()
    page = claims(tmp_path, tmp_path / "figures")
    assert "| merged: Cr + Ni | 5 | 1 | 1 | 0 |" in page and "figures/claims-power.png" in page
    assert (tmp_path / "figures" / "claims-power.png").stat().st_size > 5000


def test_a_grain_with_a_wrong_label_is_no_wide_edge():
    # It touches ferrite and Laves phase, which look more like it than its claimed phase does.
    assert measure("grain: spinel called MnS", 20.0, 0)["found"]


def test_a_missed_target_is_said():
    table = pd.DataFrame(
        {
            "case": ["right: a", "merged: b"],
            "dose": [5.0, 5.0],
            "reports": [20, 20],
            "contradicted": [6, 10],
            "found": [0.0, 10.0],
            "supported": [0.0, 3.0],
            "least_found": [np.nan, 0.95],
        }
    )
    found = list(of_validations(table))
    assert [one.met for one in found] == [False, False]
    assert "6 of 20 reports contradict any part; target at most 3" in found[0].sentence
    assert "found in 10 of 20 reports, called supported in 3" in found[1].sentence


def test_every_cell_has_a_dose_and_a_plant():
    cells = list(CALIBRATIONS["validate"].cells(range(1)))
    assert len(cells) == 3 * len(PLANTS)
