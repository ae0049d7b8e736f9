"""A claimed spectrum is the sum of its pixels, or it is said what is wrong with it."""

import numpy as np
import pytest
from scipy import ndimage

import bayesunmix as bu
from bayesunmix.claims.claim import Claim
from bayesunmix.claims.claimed_parts import ClaimedSpectrum
from bayesunmix.validation.case import Case
from bayesunmix.validation.finding import judge
from bayesunmix.validation.lines.claimed_spectra import check_spectra
from bayesunmix.validation.lines.spectrum_faults import _fitted, background, distance, rebinned
from bayesunmix.validation.tolerance import Tolerance
from tests.library.validation.claimed_phantoms import image_of, labels_of

SAME, ENERGIES = "Is its spectrum that of its pixels?", "Are the energies of its spectrum right?"


def case_of(name, dose, seed, plant, tolerance=None):
    """Spectra are sums of another acquisition of the same specimen, changed by `plant(energy, counts)`."""
    phantom, image = image_of(name, dose, seed)
    _, again = image_of(name, dose, seed + 1000)
    labels = labels_of(phantom)
    spectra = {}
    for k, phase in enumerate(phantom.labels):
        if (labels == k).any():
            spectra[phase] = plant(
                image.energy_kev, again.counts[(labels == k).ravel()].sum(axis=0).astype(float)
            )
    inner = (ndimage.maximum_filter(labels, 5) == ndimage.minimum_filter(labels, 5)) & (labels >= 0)
    claim = Claim(labels, dict(enumerate(phantom.labels)), unassigned=-1, spectra=spectra)
    return Case(image, claim, labels, inner, 2, tolerance or Tolerance(), 0.05, 0)


def verdicts(result):
    return {(f.subject, f.question): f for f in judge(result.evidence, 0.05)}


@pytest.mark.parametrize("name", ["overlapping_lines", "trace_precipitates", "nicr_film"])
@pytest.mark.parametrize("dose", [5, 100])
def test_independent_true_spectra_are_not_contradicted(name, dose):
    result = check_spectra(case_of(name, dose, 1, lambda energy, counts: counts))
    assert all(found.verdict != "contradicted" for found in verdicts(result).values())
    assert all(one.nearest == one.name and not one.fault for one in result.spectra)


@pytest.mark.parametrize("scale", [1e-6, 12.5])
def test_scale_does_not_matter(scale):
    result = check_spectra(case_of("overlapping_lines", 20, 2, lambda energy, counts: scale * counts))
    assert {found.verdict for found in verdicts(result).values()} <= {"supported", "undecidable"}


def test_sum_of_the_pixels_is_exact():
    case = case_of("overlapping_lines", 5, 3, lambda energy, counts: counts)
    sums = {name: case.spectrum_of(case.labels == k) for k, name in enumerate(case.names)}
    claim = Claim(case.claim.labels, case.names, spectra=sums)
    result = check_spectra(Case(case.image, claim, case.labels, case.core, 2, case.tolerance, 0.05, 0))
    assert all(one.exact for one in result.spectra)
    assert {found.verdict for found in verdicts(result).values()} == {"supported"}
    assert f"to the last of {sums['steel'].sum()} counts" in result.evidence[0].says


def test_sum_of_the_pixels_on_a_wrong_axis():
    case = case_of("overlapping_lines", 5, 3, lambda energy, counts: counts)
    sums = {name: case.spectrum_of(case.labels == k) for k, name in enumerate(case.names)}
    off = {name: (case.image.energy_kev + 0.012, counts) for name, counts in sums.items()}
    claim = Claim(case.claim.labels, case.names, spectra=off)
    result = verdicts(
        check_spectra(Case(case.image, claim, case.labels, case.core, 2, case.tolerance, 0.05, 0))
    )
    assert result["phase steel", SAME].verdict == "supported"
    assert result["phase steel", ENERGIES].verdict == "contradicted"
    assert "12 eV higher" in result["phase steel", ENERGIES].sentence


@pytest.mark.parametrize(("dose", "within"), [(5, 2.5), (20, 1.3), (100, 0.7)])
@pytest.mark.parametrize("by_axis", [True, False])
def test_shift_of_half_a_channel_is_measured(dose, within, by_axis):
    def plant(energy, counts):
        return (energy + 0.005, counts) if by_axis else rebinned(energy + 0.005, counts, energy)

    result = check_spectra(case_of("overlapping_lines", dose, 4, plant))
    for one in result.spectra:
        assert one.shift_ev.mean == pytest.approx(5, abs=within)
        assert one.shift_ev.counting_sd < within


@pytest.mark.parametrize("shift", [-0.012, 0.03, 0.15])
def test_larger_shifts_are_contradicted_and_said(shift):
    result = check_spectra(case_of("overlapping_lines", 5, 5, lambda e, counts: (e + shift, counts)))
    found = verdicts(result)["phase steel", ENERGIES]
    assert found.verdict == "contradicted"
    assert found.effect.mean == pytest.approx(1000 * abs(shift), abs=3)
    assert ("too high" if shift > 0 else "too low") in found.sentence


def test_gain_is_told_from_a_shift():
    result = check_spectra(case_of("overlapping_lines", 100, 6, lambda e, counts: (1.004 * e, counts)))
    steel = next(one for one in result.spectra if one.name == "steel")
    assert steel.fault == "gain"
    assert verdicts(result)["phase steel", ENERGIES].effect.mean == pytest.approx(0.004, rel=0.15)


def test_wider_peaks():
    def wider(energy, counts):
        return ndimage.gaussian_filter1d(counts, 4.0)  # 40 eV on top of 55 eV

    result = check_spectra(case_of("overlapping_lines", 20, 7, wider))
    steel = next(one for one in result.spectra if one.name == "steel")
    assert steel.fault == "width"
    assert "wider" in verdicts(result)["phase steel", SAME].sentence


def test_removed_background():
    def bare(energy, counts):
        return counts - background(ndimage.gaussian_filter1d(counts, 2), 0.01)

    result = check_spectra(case_of("overlapping_lines", 20, 8, bare))
    found = verdicts(result)["phase steel", SAME]
    assert found.verdict == "contradicted"
    assert "background was removed" in found.sentence


def test_smoothed_spectrum_is_said():
    result = check_spectra(
        case_of("overlapping_lines", 20, 9, lambda e, counts: ndimage.uniform_filter1d(counts, 3))
    )
    assert "less noise than counts" in result.evidence[0].says


@pytest.mark.parametrize("dose", [5, 20, 100])
@pytest.mark.parametrize("name", ["overlapping_lines", "grains", "nicr_film"])
def test_swapped_names_are_contradicted_and_named(name, dose):
    case = case_of(name, dose, 10, lambda energy, counts: counts)
    names = [n for n in case.names if n in case.claim.spectra][:3]
    first, second = names[0], names[-1]
    spectra = dict(case.claim.spectra)
    spectra[first], spectra[second] = spectra[second], spectra[first]
    claim = Claim(case.claim.labels, dict(enumerate(case.names)), unassigned=-1, spectra=spectra)
    result = check_spectra(Case(case.image, claim, case.labels, case.core, 2, case.tolerance, 0.05, 0))
    assert {one.name: one.nearest for one in result.spectra if one.name in (first, second)} == {
        first: second,
        second: first,
    }
    assert verdicts(result)[f"phase {first}", SAME].verdict == "contradicted"


def test_other_channels_are_rebinned_and_no_photon_is_lost():
    wide = 0.2 + 0.02 * np.arange(500)

    def plant(energy, counts):
        return wide, rebinned(energy, counts, wide)

    energy = np.linspace(1, 2, 101)
    counts = np.random.default_rng(0).poisson(9.0, 101).astype(float)
    assert rebinned(energy, counts, np.linspace(0.5, 2.5, 77)).sum() == pytest.approx(counts.sum())
    result = check_spectra(case_of("overlapping_lines", 20, 11, plant))
    assert all(found.verdict != "contradicted" for found in verdicts(result).values())


def test_spectrum_that_cannot_be_laid_on_the_channels_says_why():
    result = check_spectra(case_of("overlapping_lines", 5, 12, lambda e, counts: counts[:700]))
    assert all(found.verdict == "undecidable" for found in verdicts(result).values())
    assert "700 channels and the counts 1000" in result.evidence[0].says


@pytest.mark.parametrize("times", [0.03, 0.3, 3])
def test_a_right_spectrum_with_fewer_counts_has_not_lost_its_background(times):
    energy = np.arange(200) * 0.05
    mean = 1500 * np.exp(-energy / 2) / 20 + 800 * np.exp(-((energy - 5.4) ** 2) / 0.02)
    z = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        counts, claimed = (rng.poisson(mean * t).astype(float) for t in (1, times))
        fault = _fitted("background", energy, claimed, counts, 1.0)
        z.append(fault.size / fault.sd)
    assert abs(np.mean(z)) < 0.5 and np.std(z) < 1.4


def test_a_spectrum_of_a_few_photons_supports_nothing():
    counts = np.random.default_rng(0).poisson(50.0, 200).astype(float)
    for n in (1, 3, 10, 30):
        claimed = np.bincount(np.arange(n) % 3, minlength=200).astype(float)
        found = distance(claimed, counts, 1.0)
        assert found.upper > 0.02 and 0 <= found.lower <= found.mean <= found.upper <= 1


def test_a_spectrum_that_sums_to_less_than_nothing_is_refused():
    with pytest.raises(ValueError, match="more counts above zero than below"):
        ClaimedSpectrum(np.array([1.0, -5, 2]))


def test_spectra_of_the_channels_that_were_read_need_no_energies():
    energy = np.arange(100) * 0.05
    layers = np.repeat([[0, 1]], 16, axis=0).repeat(8, axis=1)
    mean = np.where(layers[..., None], np.exp(-energy), np.exp(-((energy - 2) ** 2) / 0.1)) + 0.1
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(mean), energy_kev=energy)
    sums = {name: image.within(layers == k).sum_spectrum() for k, name in enumerate("ab")}
    found = bu.validate(image, bu.Claim(layers, ("a", "b"), spectra=sums), quick=True)
    said = [one.sentence for one in found.findings if one.test == "checksum"]
    assert any(text.startswith("Phase a: it is the sum of its pixels") for text in said)
