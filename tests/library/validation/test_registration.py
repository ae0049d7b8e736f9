"""A label map is laid on the counts the right way round, and a shift is said to a fraction of a pixel."""

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.claims.claim import UNDECIDED, Claim
from bayesunmix.validation.finding import judge
from bayesunmix.validation.placement.orientation import orientations
from bayesunmix.validation.placement.registration import register
from tests.library.validation.claimed_phantoms import claim_of, image_of, labels_of

ALL = list(orientations((64, 64), (64, 64)))


def verdicts(registration) -> dict[str, str]:
    return {finding.question: finding.verdict for finding in judge(registration.evidence, 0.05)}


@pytest.mark.parametrize(("name", "dose"), [("overlapping_lines", 5), ("core_shell", 5), ("grains", 1)])
def test_true_map_is_left_where_it_is(name, dose):
    phantom, image = image_of(name, dose, 1)
    labels = labels_of(phantom)
    found = register(image, claim_of(phantom, labels), 0)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.orientation.is_identity and found.moved_px == (0, 0)
    assert verdicts(found)["Is the map the right way round?"] == "supported"
    assert verdicts(found)["Does the map lie on the counts?"] != "contradicted"


@pytest.mark.parametrize("turned", ALL[1:], ids=str)
def test_wrong_orientation_is_named_and_undone(turned):
    phantom, image = image_of("trace_precipitates", 5, 2)
    labels = labels_of(phantom)
    found = register(image, claim_of(phantom, turned.undo(labels)), 0)
    assert found.orientation == turned
    np.testing.assert_array_equal(found.labels, labels)
    assert verdicts(found)["Is the map the right way round?"] == "contradicted"
    assert str(turned) in found.evidence[0].says


def test_a_symmetric_map_has_no_wrong_way_round():
    labels = np.zeros((21, 21), int)
    labels[7:14, 7:14] = 1
    spectra = np.array([[8, 1, 1, 0], [0, 1, 1, 8]])
    image = bu.SpectrumImage(
        np.random.default_rng(0).poisson(spectra[labels]), energy_kev=[1.0, 2.0, 3.0, 4.0]
    )
    found = register(image, Claim(labels, ("a", "b")), 0)
    assert found.lead is None
    assert list(verdicts(found)) == ["Does the map lie on the counts?"]


def test_labels_that_mean_nothing_are_not_turned():
    _, image = image_of("null", 20, 0)
    shape = image.navigation_shape
    labels = np.random.default_rng(1).integers(0, 2, (shape[0] // 8, shape[1] // 8)).repeat(8, 0).repeat(8, 1)
    found = register(image, Claim(labels, ("a", "b"), unassigned=-1), 0)
    assert found.orientation.is_identity
    assert "contradicted" not in verdicts(found).values()


@pytest.mark.parametrize("shift", [(1, 0), (0, -1), (2, 1)])
def test_whole_pixels_are_found_and_mended(shift):
    phantom, image = image_of("core_shell", 5, 3)
    found = register(image, claim_of(phantom, labels_of(phantom, shift)), 0)
    assert verdicts(found)["Does the map lie on the counts?"] == "contradicted"
    down, right = found.shift_px
    assert (down.mean, right.mean) == pytest.approx((-shift[0], -shift[1]), abs=0.2)
    assert max(down.sd, right.sd) <= 0.2
    assert found.moved_px == (-shift[0], -shift[1])
    inner = np.s_[3:-3, 3:-3]
    np.testing.assert_array_equal(found.labels[inner], labels_of(phantom)[inner])


@pytest.mark.parametrize("shift", [(0.5, 0), (0.5, 0.5), (0, -0.5)])
def test_half_a_pixel_is_measured_on_curves(shift):
    phantom, image = image_of("core_shell", 20, 4)
    found = register(image, claim_of(phantom, labels_of(phantom, shift)), 0)
    assert [q.mean for q in found.shift_px] == pytest.approx([-shift[0], -shift[1]], abs=0.1)


def test_slanted_layers_tell_no_shift_along_them():
    phantom, image = image_of("nicr_film", 20, 5)
    found = register(image, claim_of(phantom, labels_of(phantom)), 0)
    assert found.shift_px[0].sd > 0.4  # the layers run up and down
    assert "along them" in found.evidence[-1].says
    assert verdicts(found)["Does the map lie on the counts?"] == "supported"


def test_width_of_the_edge_follows_the_blur():
    widths = []
    rows, columns = np.indices((48, 48))
    for blur in (0.6, 2.0):
        from scipy.ndimage import gaussian_filter

        disc = ((rows - 23.3) ** 2 + (columns - 24.1) ** 2 < 160).astype(float)
        share = gaussian_filter(disc, blur)[..., None]
        spectra = np.array([[8.0, 1, 1, 0.5], [0.5, 1, 1, 8.0]])
        counts = np.random.default_rng(6).poisson(4 * (share * spectra[1] + (1 - share) * spectra[0]))
        image = bu.SpectrumImage(counts, energy_kev=[1.0, 2.0, 3.0, 4.0])
        widths.append(register(image, Claim(disc.astype(int), ("a", "b"), unassigned=-1), 0).edge_width_px)
    assert widths[1] == pytest.approx(2.56 * 2.0, rel=0.25)
    assert widths[0] < 0.5 * widths[1]


def test_cut_map_is_laid_where_it_belongs():
    phantom, image = image_of("grains", 5, 7)
    labels = labels_of(phantom)
    found = register(image, claim_of(phantom, labels[7:80, 11:90]), 0)
    assert found.offset == (7, 11)
    np.testing.assert_array_equal(found.labels[7:80, 11:90], labels[7:80, 11:90])
    assert (found.labels[:7] == UNDECIDED).all()


def test_counts_of_a_part_of_the_map():
    phantom, image = image_of("grains", 5, 8)
    labels = labels_of(phantom)
    part = np.s_[5:75, 20:90]
    cut = bu.SpectrumImage(image.dense()[part], image.energy_kev)
    found = register(cut, claim_of(phantom, labels), 0)
    assert found.offset == (-5, -20)
    np.testing.assert_array_equal(found.labels, labels[part])


def test_enlarged_picture_with_a_bar_below():
    phantom, image = image_of("overlapping_lines", 5, 9)
    labels = labels_of(phantom)
    picture = np.full((80 * 3 + 30, 240), UNDECIDED)
    picture[:240] = labels.repeat(3, axis=0).repeat(3, axis=1)
    found = register(image, claim_of(phantom, picture), 0)
    assert found.scale == pytest.approx(3)
    np.testing.assert_array_equal(found.labels, labels)


def test_a_size_that_fits_in_no_way_is_refused_in_one_sentence():
    phantom, image = image_of("core_shell", 5, 0)
    with pytest.raises(ValueError, match=r"the label map is 100 x 31 and the counts 72 x 72"):
        register(image, claim_of(phantom, np.resize(labels_of(phantom), (100, 31))), 0)


def test_spectrum_that_is_the_sum_of_its_pixels_decides():
    phantom, image = image_of("trace_precipitates", 5, 10)
    labels = labels_of(phantom)
    sums = image.counts[(labels == 1).ravel()].sum(axis=0)
    turned = ALL[5]
    spectra = {
        phantom.labels[1]: np.concatenate([np.full(7, 3), sums])
    }  # its axis begins seven channels earlier
    found = register(image, claim_of(phantom, turned.undo(labels), spectra=spectra), 0)
    assert (found.how, found.orientation) == ("checksum", turned)
    assert verdicts(found)["Is the map the right way round?"] == "contradicted"


def test_masked_pixels_are_undecided():
    phantom, image = image_of("core_shell", 5, 11)
    mask = np.ones(image.navigation_shape, bool)
    mask[:, :9] = False
    found = register(image.within(mask), claim_of(phantom, labels_of(phantom)), 0)
    assert (found.labels[:, :9] == UNDECIDED).all()


def test_claim_without_labels():
    _, image = image_of("core_shell", 5, 12)
    found = register(image, Claim(elements={"a": ("Fe",)}), 0)
    assert found.evidence == () and found.how == "nothing"


def test_same_seed_same_result():
    phantom, image = image_of("grains", 5, 13)
    first, second = (register(image, claim_of(phantom, labels_of(phantom)), 3) for _ in range(2))
    assert first.evidence == second.evidence


@pytest.mark.parametrize("dose", [5, 100])
def test_edges_without_blur_tell_the_shift(dose):
    rng = np.random.default_rng(0)
    rows, columns = np.indices((96, 96))
    labels = (rows // 24 + columns // 32) % 3
    energy = np.linspace(1, 9, 400)
    spectra = np.exp(-0.5 * ((energy - np.array([[1.74], [5.41], [7.47]])) / 0.06) ** 2) + 0.005
    spectra /= spectra.sum(axis=1, keepdims=True)
    image = bu.SpectrumImage(rng.poisson(dose * spectra[labels]), energy)
    found = register(image, Claim(labels, unassigned=-1))
    assert found.shift_px is not None
    for shift in found.shift_px:
        assert abs(shift.mean) < 0.05 and shift.sd < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_two_halves_agree_with_counts_that_are_two_halves(seed):
    layers = np.repeat([[0, 1]], 20, axis=0).repeat(
        12, axis=1
    )  # moved by 12 columns, they are the same two areas
    image = bu.SpectrumImage(np.random.default_rng(seed).poisson(1 + 9 * np.eye(3)[layers]), [1.0, 2.0, 3.0])
    found = register(image, Claim(layers, ("a", "b"), unassigned=-1), seed)
    assert found.evidence[0].says.startswith("Two ways fit the counts about as well: as it was given, and ")
    assert "0.00 px" not in found.evidence[-1].says.partition("fits best")[2]


def test_a_few_labels_in_one_phase_are_not_turned_to_where_they_stand_out_more():
    specimen = np.zeros((24, 32), int)
    specimen[16:, 20:] = 1
    mean = np.array([[5.0, 1, 1], [1, 1, 5]])[specimen]
    image = bu.SpectrumImage(np.random.default_rng(0).poisson(6 * mean), energy_kev=[1.0, 2.0, 3.0])
    labels = np.full(specimen.shape, -1)
    labels[1:5, 1:7] = 0  # rightly
    found = register(image, Claim(labels, ("a",)), 0)
    assert found.orientation.is_identity and found.evidence[0].exact == "undecidable"
    np.testing.assert_array_equal(found.labels, labels)
