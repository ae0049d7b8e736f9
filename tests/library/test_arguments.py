"""Everything asked of a result takes the result first and the image second, and says so to whoever turns them round."""

import numpy as np
import pytest

import bayesunmix as bu

IMAGE = bu.SpectrumImage(np.random.default_rng(0).poisson(3.0, (3, 4, 12)), 1.0 + np.arange(12))
RESULT = bu.Unmixing(bu.Factorization(np.full((2, 12), 1 / 12), np.full((12, 2), 18.0)))
EVERYWHERE = np.ones((3, 4), bool)
ASKED = {
    "region": lambda result, image: bu.region(result, image, EVERYWHERE),
    "phase_fractions": lambda result, image: bu.phase_fractions(result, image),
    "phase_map": lambda result, image: bu.phase_map(result, image),
    "line_intensities": lambda result, image: bu.line_intensities(result, image, ["Ni_K"]),
    "line_ratio": lambda result, image: bu.line_ratio(result, image, ("Ni_Ka", "Ni_La"), 0),
    "quantify": lambda result, image: bu.quantify(result, image),
    "k_ratios": lambda result, image: bu.k_ratios(result, image, {"Ni": "a.msa"}, live_time_s=1, probe_na=1),
    "write_msa": lambda result, image: bu.write_msa(result, image, "."),
    "denoised": lambda result, image: bu.denoised(result, image, EVERYWHERE),
    "net_counts": lambda result, image: bu.net_counts(result, image),
    "identify": lambda result, image: bu.identify(result, image),
    "check": lambda result, image: bu.check(result, image),
}
every = pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)


@every
def test_the_old_order_gets_one_sentence(ask):
    with pytest.raises(
        TypeError, match=r"^result must be what bayesunmix.unmix returns, got SpectrumImage; pass"
    ):
        ask(IMAGE, RESULT)


@every
def test_what_is_no_result_or_no_image_gets_one_sentence(ask):
    with pytest.raises(
        TypeError, match=r"result must be what bayesunmix.unmix returns, got .*; unmix the image"
    ):
        ask(RESULT.estimate, IMAGE)
    with pytest.raises(TypeError, match="image must be a SpectrumImage, got ndarray"):
        ask(RESULT, IMAGE.dense())
