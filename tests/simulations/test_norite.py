"""The phantom in which a pixel across an edge has the elements of a third mineral."""

import numpy as np
import pytest
from scipy import ndimage

import bayesunmix as bu
from simulations import PHANTOMS, acquire


def labels(phantom):
    return phantom.truth.abundances.argmax(axis=1).reshape(phantom.navigation_shape)


def test_a_library_calls_some_edges_clinopyroxene_and_is_wrong_as_often_as_classifiers_are():
    phantom = PHANTOMS["norite"]()
    truth = labels(phantom)
    deep = ndimage.maximum_filter(truth, 7) == ndimage.minimum_filter(truth, 7)
    image = acquire(phantom, 163, 0).image
    inside = [((truth == k) & (deep | (k == 4))).ravel() for k in range(5)]
    library = tuple(tuple(image.within(one.reshape(truth.shape)).sum_spectrum().tolist()) for one in inside)
    found = bu.unmix(image, 5, "vendor_library", library=library, verdicts=False).labels
    wrong = (found != truth.ravel()) & (found >= 0)
    assert 0.01 < wrong.mean() < 0.15
    called = wrong & (found == 3)
    assert called.sum() > 10 and not (called & inside[0]).any()


def test_a_mixture_of_plagioclase_and_olivine_has_the_elements_of_clinopyroxene():
    shares = PHANTOMS["norite"]().line_shares
    for family in ("Ca_K", "Si_K", "Mg_K", "Fe_K"):
        assert shares[family][3] > 0 and shares[family][[0, 2]].max() > 0


def test_without_blur_pixels_are_mixed_along_edges_only():
    mixed = [
        (PHANTOMS["norite"](blur_px=blur).truth.fractions.max(axis=1) < 0.8).mean() for blur in (0, 1.0, 2.0)
    ]
    assert mixed[0] < mixed[1] < mixed[2]


@pytest.mark.parametrize("arguments", [{"n_grains": 9}, {"blur_px": -1.0}, {"blur_px": np.nan}])
def test_what_is_refused(arguments):
    with pytest.raises(ValueError, match="n_grains must be at least 10 and blur_px must not be negative"):
        PHANTOMS["norite"](**arguments)
