"""Longer evidence: every cell is a row, a stopped run continues, and the file says how it was made."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.calibration import CALIBRATIONS, Calibration, calibrate
from benchmarks.calibrations import sbc
from benchmarks.published import read_about
from benchmarks.scoring.over_seeds import over_seeds

GRID = {"phantom": ("a", "null"), "dose": (5.0,)}  # "null" is a phantom, and no missing value


@pytest.fixture
def measured(monkeypatch):
    cells = []

    def measure(**cell):
        if len(cells) == 3:
            cells.append(None)
            raise KeyboardInterrupt
        cells.append(cell)
        return {"score": len(cells)}

    subject = Calibration(GRID, measure, lambda rows: rows.groupby("phantom").size().reset_index())
    monkeypatch.setitem(CALIBRATIONS._members, "made_up", subject)
    return cells


def test_a_stopped_run_continues_where_it_ended(measured, tmp_path):
    out = tmp_path / "results" / "made_up.csv"
    with pytest.raises(KeyboardInterrupt):
        calibrate("made_up", 2, out)
    assert len(pd.read_csv(out)) == 3, "it opens plainly"
    begun = read_about(out)
    assert begun["commands"] and begun["machines"] and begun["commits"] and begun["dates"]
    rows = calibrate("made_up", 2, out)
    assert read_about(out) == begun, "the same command on the same day"
    keys = list(rows[["phantom", "dose", "seed"]].itertuples(index=False, name=None))
    assert keys == [("a", 5.0, 0), ("a", 5.0, 1), ("null", 5.0, 0), ("null", 5.0, 1)]
    assert rows["score"].tolist() == [1, 2, 3, 5]
    calibrate("made_up", 2, out)
    assert len(measured) == 5


def test_more_seeds_add_rows_only_for_them(measured, tmp_path):
    out = tmp_path / "made_up.csv"
    calibrate("made_up", 1, out)
    with pytest.raises(KeyboardInterrupt):
        calibrate("made_up", 2, out)
    assert [cell["seed"] for cell in measured if cell] == [0, 0, 1]


def test_a_file_of_other_columns_is_left_alone(measured, tmp_path):
    out = tmp_path / "made_up.csv"
    calibrate("made_up", 1, out)
    older = out.read_text(encoding="utf-8").replace("score", "angle")
    out.write_text(older, encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"made_up\.csv has other columns than are measured now; choose another"
    ):
        calibrate("made_up", 2, out)
    assert out.read_text(encoding="utf-8") == older


@pytest.mark.parametrize("name", list(CALIBRATIONS))
def test_every_calibration_measures_the_columns_it_sums_up(name):
    subject = CALIBRATIONS[name]
    cells = list(subject.cells(range(2)))
    assert len(cells) == 2 * len({tuple(v for k, v in c.items() if k != "seed") for c in cells})


def test_the_starts_are_compared_with_the_truth():
    subject = CALIBRATIONS["starts"]
    cell = {"phantom": "nicr_film", "dose": 50.0, "seed": 0}
    row = {**cell, **subject.measure(**cell)}
    assert row["ratio"] == pytest.approx(row["angle_deg"] / row["angle_from_truth_deg"], rel=1e-2)
    assert 0 < row["angle_deg"] < 3
    table = subject.summarise(pd.DataFrame([row, {**row, "ratio": 1.2, "seed": 1}]))
    assert (table["trials"][0], table["within"][0]) == (2, 1)


def test_means_over_seeds_have_the_interval_of_a_t_test():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"dose": np.repeat([1.0, 2.0], 5), "share": rng.random(10)})
    table = over_seeds(rows, ["dose"], ["share"])
    for (_, some), (_, row) in zip(rows.groupby("dose"), table.iterrows(), strict=True):
        expected = stats.ttest_1samp(some["share"], 0).confidence_interval(0.95)
        np.testing.assert_allclose(
            [row["share"] - row["share_pm"], row["share"] + row["share_pm"]], [expected.low, expected.high]
        )
    assert over_seeds(rows[:1], ["dose"], ["share"])["share_pm"].isna().all(), (
        "one seed says nothing of others"
    )


def test_ranks_that_crowd_at_an_end_fail_and_even_ones_pass():
    subject = CALIBRATIONS["sbc"]
    even, crowded = " ".join(["5"] * 20), " ".join(["24"] + ["4"] * 19)
    rows = pd.DataFrame(
        {"sampler": "gibbs", "seed": range(4), **dict.fromkeys(sbc.QUANTITIES, even), "purity": crowded}
    )
    table = subject.summarise(rows).set_index("quantity")
    assert table["simulations"].eq(400).all()
    assert table["p_value"]["total"] == pytest.approx(1) and table["p_value"]["purity"] < 1e-10
    assert table["coverage_90"]["total"] == pytest.approx(0.9)
    assert table["coverage_90"]["purity"] == pytest.approx(0.72)
    assert (table["low"] < table["coverage_90"]).all() and (table["coverage_90"] < table["high"]).all()


def test_simulated_photons_lie_in_their_pixels_and_channels():
    counts = sbc.draw_trials(np.random.default_rng(0), 3).counts
    photons = sbc.chunks_of(counts)
    back = np.zeros_like(counts)
    for n in range(3):
        row = np.broadcast_to(photons.row, photons.index[n].shape)
        np.add.at(back[n], (row, photons.index[n]), photons.weight[n].astype(int))
    np.testing.assert_array_equal(back, counts)
    with pytest.raises(ValueError, match="photons"):
        sbc.chunks_of(counts + 30)
