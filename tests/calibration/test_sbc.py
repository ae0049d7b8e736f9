"""Simulation-based calibration in small: ranks of the truth are uniform, and those of a planted bug are not.

The long run, with all samplers and the mean-field one, is `python -m benchmarks calibration sbc`.
"""

import pytest

from benchmarks.calibrations import sbc

N = 80
SHORT = sbc.Length(warmup=150, thin=8, draws=99)
BINS = 10  # each expects 8 ranks


def p_values(sampler):
    counted = sbc.histograms(sampler, seed=0, n=N, length=SHORT)
    return sbc.p_values(counted.reshape(len(counted), BINS, -1).sum(axis=-1))


def test_ranks_are_uniform():
    assert p_values("gibbs").min() > 6e-4


@pytest.mark.parametrize("bug", ["shape x 1.5", "concentration x 1.4"])
def test_a_planted_bug_is_found(bug):
    assert p_values(bug).min() < 1e-4
