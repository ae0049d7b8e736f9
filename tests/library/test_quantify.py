"""Compositions of spectra whose composition is known: means, four kinds of error, limits, bad input."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import bayesunmix as bu
from bayesunmix.quantification.amounts import Drawn, amounts_of
from bayesunmix.quantification.cliff_lorimer import Recipe, absorber, atomic_weights
from bayesunmix.quantification.formulas import formula_atoms
from bayesunmix.quantification.oxides import oxygen_atoms
from bayesunmix.spectra import Detector, film_transmission, thin_film
from bayesunmix.spectra.absorption import attenuation
from bayesunmix.spectra.k_factors import k_factor

ENERGY = np.arange(0.3, 10, 0.02)
FORMULAS = ("Mg1.6Fe0.4SiO4", "CaAl2Si2O8")
ELEMENTS = ["Mg", "Fe", "Si", "O", "Ca", "Al"]
SIDE = 8


@cache
def spectra(formulas=FORMULAS, low=ENERGY[0]):
    energy = np.arange(low, 10, 0.02)
    recorded = np.array([thin_film(formula).record(energy, Detector()) for formula in formulas])
    return recorded / recorded.sum(axis=1, keepdims=True)


def true_factors(elements=ELEMENTS, sd=0.0, rng=None):
    """The factors of all families, known or drawn with a relative standard deviation."""
    found = {}
    for element in elements:
        error = 1.0 if rng is None else float(np.exp(sd * rng.standard_normal()))
        for family in "KLM":
            try:
                k = k_factor(f"{element}_{family}").k * error
            except ValueError:
                continue
            found[f"{element}_{family}"] = (k, sd * k)
    return found


def unmixed(seed=0, dose=300.0, formulas=FORMULAS, n_draws=120, low=ENERGY[0]):
    """A map of two phases side by side, and the posterior that somebody has who sees them apart: Dirichlet draws."""
    rng = np.random.default_rng(seed)
    true = spectra(formulas, low)
    n = len(formulas)
    layers = np.repeat(np.eye(n), SIDE * SIDE // n, axis=0)
    counts = rng.poisson(dose * layers @ true)
    image = bu.SpectrumImage(counts.reshape(SIDE, SIDE, -1), np.arange(low, 10, 0.02))
    of_phase = np.array([counts[layers[:, k] > 0].sum(axis=0) for k in range(n)])
    draws = np.stack([rng.dirichlet(of + 1e-3, n_draws) for of in of_phase], axis=1)[None]
    abundances = counts.sum(axis=1)[:, None] * layers
    maps = np.repeat(abundances[None, None], 20, axis=1)
    posterior = bu.Posterior(draws, maps, rotations=np.eye(n)[None])
    estimate = bu.Factorization(draws[0].mean(axis=0), abundances)
    return bu.Unmixing(estimate, posterior), image


@cache
def example():
    return unmixed()


@cache
def quantified():
    result, image = example()
    upper = np.repeat([True, False], SIDE * SIDE // 2).reshape(SIDE, SIDE)
    claim = bu.Claim(np.where(upper, 1, 2), ("olivine", "anorthite"))
    return bu.quantify(
        result,
        image,
        ELEMENTS,
        k_factors=true_factors(),
        regions={"upper": upper, "all": np.ones((SIDE, SIDE), bool)},
        claim=claim,
        formulas=["Mg2SiO4", "Mg1.6Fe0.4SiO4", "MgSiO3"],
        maps=True,
    )


def test_components_regions_phases_and_maps_are_what_they_are_made_of():
    found = quantified()
    assert [part.kind for part in found] == ["component"] * 2 + ["region"] * 2 + ["phase"] * 2
    for name, formula in (
        ("component 0", FORMULAS[0]),
        ("component 1", FORMULAS[1]),
        ("upper", FORMULAS[0]),
        ("olivine", FORMULAS[0]),
        ("anorthite", FORMULAS[1]),
    ):
        true = formula_atoms(formula)
        for amount in found[name]:
            expected = true.get(amount.element, 0.0)
            error = max(amount.atomic.value.sd, 1e-3)
            assert amount.atomic.mean == pytest.approx(expected, abs=4.5 * error)
            assert amount.detected == (expected > 0)
        assert sum(amount.weight.mean for amount in found[name]) == pytest.approx(1)
    assert found.maps.mean.shape == (SIDE, SIDE, len(ELEMENTS))
    np.testing.assert_allclose(found.maps.mean.sum(axis=-1), 1)
    top, bottom = found.maps["Mg"][: SIDE // 2].mean(), found.maps["Mg"][SIDE // 2 :].mean()
    assert top == pytest.approx(found["component 0"]["Mg"].atomic.mean, rel=0.05) and bottom < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("dose", [20.0, 100.0])
@pytest.mark.parametrize("sd", [0.0, 0.1])
def test_intervals_cover_the_truth_as_often_as_they_say(dose, sd):
    """With factors that are known, and with factors that are wrong by their stated standard deviation."""
    covered, plain = [], []
    for seed in range(20):
        result, image = unmixed(seed, 5 * dose)  # 8 x 8 pixels stand for a map of a few hundred
        rng = np.random.default_rng(100 + seed) if sd else None
        found = bu.quantify(result, image, ELEMENTS, k_factors=true_factors(sd=sd, rng=rng), seed=seed)
        for part, formula in zip(found.components, FORMULAS, strict=True):
            true = formula_atoms(formula)
            for amount in part:
                if true.get(amount.element, 0) > 0:
                    covered.append(amount.atomic.lower <= true[amount.element] <= amount.atomic.upper)
                    value = amount.atomic.value
                    plain.append(value.lower <= true[amount.element] <= value.upper)
    assert len(covered) == 160
    assert 0.83 <= np.mean(covered) <= 0.97  # 160 amounts, four of which belong together
    if sd:
        assert np.mean(plain) < 0.75, "without the error of the factors too few are covered"


def test_four_errors_are_kept_apart():
    found = quantified()["component 0"]["Mg"].atomic
    assert found.factor_sd == pytest.approx(0, abs=2e-3) and found.counting_sd > 0
    assert found.value.sd == pytest.approx(np.hypot(found.counting_sd, found.endmember_sd))
    result, image = example()
    wide = bu.quantify(result, image, ELEMENTS, k_factors=true_factors(sd=0.1))["component 0"]["Mg"].atomic
    assert wide.counting_sd == pytest.approx(found.counting_sd, rel=0.05)
    assert wide.value.lower == pytest.approx(found.value.lower) and wide.lower < found.lower
    # d x / x = (1 - x) d ln k of its own factor, and those of the others against it.
    atoms = np.array([amount.atomic.mean for amount in quantified()["component 0"]])
    slopes = atoms[0] * ((np.arange(atoms.size) == 0) - atoms)
    assert wide.factor_sd == pytest.approx(0.1 * np.linalg.norm(slopes), rel=0.15)


def test_a_planted_error_of_a_factor_is_seen_and_carried():
    """5 % in one factor moves a sure composition out of its interval, and the stated error brings it back."""
    result, image = unmixed(3, dose=4000.0)
    wrong = true_factors()
    wrong["Mg_K"] = (1.05 * wrong["Mg_K"][0], 0.0)
    stated = dict(wrong, Mg_K=(wrong["Mg_K"][0], 0.05 * wrong["Mg_K"][0]))
    true = formula_atoms(FORMULAS[0])["Mg"]
    right = bu.quantify(result, image, ELEMENTS, k_factors=true_factors())["component 0"]["Mg"].atomic
    seen = bu.quantify(result, image, ELEMENTS, k_factors=wrong)["component 0"]["Mg"].atomic
    carried = bu.quantify(result, image, ELEMENTS, k_factors=stated)["component 0"]["Mg"].atomic
    assert seen.mean / right.mean == pytest.approx(1 + 0.05 * (1 - true), abs=0.005)
    assert not seen.value.lower <= true <= seen.value.upper
    assert carried.lower <= true <= carried.upper
    assert carried.factor_sd > 3 * carried.value.sd


def test_other_solutions_widen_components_and_not_regions():
    result, image = example()
    mixed = np.array([[1.0, 0.0], [0.2, 0.8]])
    rotated = replace(result, posterior=replace(result.posterior, rotations=np.stack([np.eye(2), mixed])))
    everywhere = {"all": np.ones((SIDE, SIDE), bool)}
    found = bu.quantify(rotated, image, ELEMENTS, k_factors=true_factors(), regions=everywhere)
    calcium, alone = found["component 1"]["Ca"].atomic, quantified()["component 1"]["Ca"].atomic
    low, high = calcium.feasible
    assert low < 0.95 * alone.mean and high == pytest.approx(alone.mean, rel=0.02)
    assert calcium.lower < alone.lower and calcium.identified == "no"
    low, high = found["all"]["Ca"].atomic.feasible
    assert low == high


def test_ratios_of_two_parts_have_no_error_of_the_factors():
    result, image = unmixed(formulas=("Mg1.6Fe0.4SiO4", "Mg1.8Fe0.2SiO4"), dose=1000.0)
    found = bu.quantify(result, image, ["Mg", "Fe", "Si", "O"], k_factors=true_factors(sd=0.1))
    one = found["component 0"].ratio("Fe", "Mg")
    assert one.lower < 0.25 < one.upper and one.factor_sd / one.mean == pytest.approx(0.14, rel=0.2)
    both = found.ratio_between("Fe", "Mg", "component 0", "component 1")
    assert both.factor_sd == 0 and (both.lower, both.upper) == (both.value.lower, both.value.upper)
    assert both.lower < 0.25 / (0.2 / 1.8) < both.upper
    assert both.value.sd / both.mean < 0.1


def test_formulas_are_ordered_by_how_well_they_fit():
    first, *others = quantified()["component 0"].formulas
    assert first.formula == "Mg1.6Fe0.4SiO4" and first.fits
    assert all(not other.fits for other in others)


def test_absorption_is_iterated_to_consistency():
    """Photons that a film of known thickness lets through give back its composition."""
    formula, thickness, density, angle = "Mg1.6Fe0.4SiO4", 300.0, 3.3, 25.0
    detector = Detector()
    emitted = thin_film(formula)
    depth = attenuation(formula, emitted.lines.energy_kev) * thickness * 1e-7 * density
    leaves = (
        emitted.lines.intensity
        * film_transmission(depth, angle)
        * detector.efficiency(emitted.lines.energy_kev)
    )
    lines = ("Mg_K", "Fe_K", "Si_K", "O_K")
    counted = {
        line: float(leaves[[name.startswith(line) for name in emitted.lines.names]].sum()) for line in lines
    }
    factors = {line: k_factor(line).k for line in lines}
    true = formula_atoms(formula)
    without = bu.cliff_lorimer(counted, factors)
    found = bu.cliff_lorimer(counted, factors, thickness_nm=thickness, density=density, takeoff_deg=angle)
    assert without.atomic["O"] < 0.93 * true["O"]
    assert found.atomic == pytest.approx(true, rel=1e-4)


def test_zeta_factors_give_composition_and_thickness():
    """zeta = rho t electrons / I for pure films; the same for a mixed one."""
    lines, electrons, mass_thickness = ("Mg_K", "Si_K"), 1e6, 2e-4  # kg/m2
    weights = np.array([0.4, 0.6])
    zeta = np.array([3000.0, 2000.0])
    net = mass_thickness * electrons * weights / zeta
    recipe = Recipe(("Mg", "Si"), 0.1 * zeta, electrons=electrons)
    assert recipe.weights(net).tolist() == pytest.approx(weights.tolist())
    assert float(recipe.thickness(net)) == pytest.approx(0.1 * mass_thickness)  # g/cm2
    table = absorber(lines, ("Mg", "Si"), 200.0, Detector(), 20.0)
    through = table.transmission(weights, 0.1 * mass_thickness)
    corrected = recipe._replace(absorber=table)
    assert corrected.weights(net * through).tolist() == pytest.approx(weights.tolist(), rel=1e-5)
    assert float(corrected.thickness(net * through)) == pytest.approx(0.1 * mass_thickness, rel=1e-5)


def test_zeta_factors_of_a_map():
    result, image = example()
    zeta = {name: (1000 * k, 0.0) for name, (k, _) in true_factors().items()}
    everywhere = {"all": np.ones((SIDE, SIDE), bool)}
    found = bu.quantify(result, image, ELEMENTS, zeta_factors=zeta, electrons=1e9, regions=everywhere)
    expected = sum(
        amount.net.mean * zeta[f"{amount.line.split('_')[0]}_{amount.line.split('_')[1][0]}"][0]
        for amount in found["all"]
    ) / (1e9 * SIDE * SIDE)
    assert found["all"].mass_thickness.mean == pytest.approx(1e5 * expected, rel=0.01)  # kg/m2 in ug/cm2
    assert found["all"]["Mg"].atomic.mean == pytest.approx(quantified()["all"]["Mg"].atomic.mean, rel=1e-6)


def test_oxygen_by_stoichiometry():
    result, image = example()
    found = bu.quantify(result, image, ["Mg", "Fe", "Si"], k_factors=true_factors(), oxygen="stoichiometry")
    olivine = found["component 0"]
    assert olivine["O"].atomic.mean == pytest.approx(4 / 7, abs=0.01) and olivine["O"].net is None
    assert "not measured" in olivine["O"].remarks[0] and "O" not in found.left_out
    assert oxygen_atoms(["Fe"], {"Fe": 3}).tolist() == [1.5]
    assert "stoichiometry" in repr(found)


def test_what_is_absent_has_an_upper_limit():
    calcium = quantified()["component 0"]["Ca"]
    assert not calcium.detected and calcium.atomic.lower == 0
    assert 0 < calcium.atomic.upper_limit < 0.01
    assert "Ca" in repr(quantified()["component 0"]) and "< 0." in repr(quantified()["component 0"])


def test_excluded_elements_are_fitted_and_left_out():
    result, image = example()
    found = bu.quantify(result, image, exclude=["Fe"], beam_kev=200)
    assert "Fe" in found.left_out and "Fe" not in [amount.element for amount in found["component 0"]]
    assert sum(amount.atomic.mean for amount in found["component 0"]) == pytest.approx(1)


def test_factors_of_groups_and_of_families_agree():
    """A factor of Fe Ka is not used for the whole family."""
    result, image = example()
    groups = {
        f"{element}_Ka": (k_factor(f"{element}_Ka").k, 0.0) for element in ("Mg", "Fe", "Si", "O", "Ca", "Al")
    }
    by_group = bu.quantify(result, image, ELEMENTS, k_factors=groups)["component 0"]["Fe"]
    by_family = quantified()["component 0"]["Fe"]
    assert by_group.line == "Fe_Ka" and by_family.line == "Fe_K"
    assert by_group.atomic.mean == pytest.approx(by_family.atomic.mean, rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "Mg_Ka,1.0,0.1\nSi_Ka,1.1,0.2\n",
        "line,k,sd\nMg_Ka,1.0,0.1\nSi_Ka,1.1,0.2\n",
        "# of our microscope\nMg_Ka;1,0;0,1\nSi_Ka;1,1;0,2\n",
        "Element,Line,k-factor,Error\nMg,K,1.0,0.1\nSi,Ka,1.1,0.2\n",
    ],
)
def test_files_of_factors(tmp_path, text):
    from bayesunmix.quantification.factors import given_factors

    (tmp_path / "k.csv").write_text(text)
    found = given_factors(tmp_path / "k.csv", None)
    assert {line: factor.k for line, factor in found.items()} == {"Mg_Ka": 1.0, "Si_Ka": 1.1}
    assert found["Si_Ka"].sd == pytest.approx(0.2 / 1.1)


def test_a_vendors_table_of_factors(tmp_path):
    from bayesunmix.quantification.factors import given_factors

    (tmp_path / "k.csv").write_text("Z,Element,K,L,M\n26,Fe,1.5,2.9,0\n79,Au,6288,4.9,1.5\n")
    found = given_factors(tmp_path / "k.csv", None)
    assert {line: factor.k for line, factor in found.items()} == {
        "Fe_Ka": 1.5,
        "Fe_La": 2.9,
        "Au_Ka": 6288,
        "Au_La": 4.9,
        "Au_M": 1.5,
    }
    assert found["Au_La"].sd == 0.10 and found["Fe_La"].sd == 0.30, "no error was given"


def test_factors_in_hyperspys_order():
    result, image = example()
    found = bu.quantify(result, image, ["Mg_Ka", "Si_Ka"], k_factors=[1.0, 2.0])
    assert [factor[:2] for factor in found.factors] == [("Mg_Ka", 1.0), ("Si_Ka", 2.0)]


def test_an_overlap_that_nothing_confirms_is_marked():
    formulas = ("CrMn", "FeCo")
    result, image = unmixed(formulas=formulas, dose=2000.0)
    found = bu.quantify(result, image, ["Cr", "Mn", "Fe", "Co"], beam_kev=200)
    marked = {amount.element for amount in found["component 0"] if amount.remarks}
    assert {"Mn", "Co"} <= marked and "Cr" not in marked
    assert "overlapped by Cr_K" in found["component 0"]["Mn"].remarks[0]


def test_sulfur_may_be_molybdenum_where_no_harder_line_is_on_the_axis():
    from bayesunmix.quantification.overlaps import rivals

    assert "Mo_L" in rivals("S_K", ["S_K"], 10.0)
    assert "Mo_L" not in rivals("S_K", ["S_K"], 20.0), "Mo K would be seen"
    assert rivals("S_K", ["S_K", "Mo_L", "Pb_M", "Bi_M", "Hg_M"], 10.0) == []


def test_carbon_and_oxygen_are_marked_on_carbon():
    result, image = unmixed(formulas=("CO", "MgO"), dose=1000.0, low=0.2)
    found = bu.quantify(result, image, ["C", "O", "Mg"], beam_kev=200)
    for element in ("C", "O"):
        assert any("carbon film" in remark for remark in found["component 0"][element].remarks)


def test_the_axis_counts_where_lines_are_told_apart_by_their_place():
    result, image = unmixed(formulas=("Cr2O3", "CaAl2Si2O8"), dose=1000.0)
    found = bu.quantify(
        result, image, ["Cr", "O", "Ca", "Al", "Si"], k_factors=true_factors(["Cr", *ELEMENTS])
    )
    sd = {factor.element: factor.sd for factor in found.factors}
    assert sd["O"] > 0.03 and sd["Ca"] < 0.005


def test_the_same_seed_gives_the_same_numbers():
    result, image = example()
    one, two = (bu.quantify(result, image, ELEMENTS, beam_kev=200, seed=4).rows() for _ in range(2))
    assert one == two


def test_an_unknown_beam_is_said_and_adds_to_the_error():
    result, image = example()
    unknown, known = (bu.quantify(result, image, ELEMENTS, beam_kev=beam) for beam in (None, 200))
    assert any("200 keV" in one for one in unknown.assumptions)
    assert not any("200 keV" in one for one in known.assumptions)
    sds = zip(unknown.factors, known.factors, strict=True)
    assert all(a.sd >= b.sd for a, b in sds)


def bulk(beam_kev=20.0):
    """Lines on the continuum of a bulk specimen."""
    from bayesunmix.spectra import kramers

    energy = np.arange(0.3, 20, 0.02)
    peaks = thin_film("MgSiO3").record(energy, Detector())
    continuum = kramers(energy, beam_kev) * Detector().efficiency(energy)
    spectrum = peaks / peaks.sum() + 2 * continuum / continuum.sum()
    counts = np.random.default_rng(0).poisson(3000 * spectrum, (4, 4, energy.size))
    draws = np.random.default_rng(1).dirichlet(counts.sum(axis=(0, 1)) + 1e-3, 20)[None, :, None]
    total = counts.sum(axis=2).reshape(-1, 1)
    posterior = bu.Posterior(
        draws, np.repeat(total[None, None], 5, axis=1).astype(float), rotations=np.eye(1)[None]
    )
    return bu.Unmixing(bu.Factorization(draws[0].mean(axis=0), total), posterior), bu.SpectrumImage(
        counts, energy
    )


def test_bulk_is_refused_and_says_what_to_do():
    result, image = bulk()
    with pytest.raises(
        ValueError,
        match=r"do not hold for a bulk specimen.* ends at about (19|20|21) keV.*k_ratios.*write_msa",
    ):
        bu.quantify(result, image, ["Mg", "Si", "O"])
    with pytest.raises(ValueError, match="do not hold for a bulk specimen, and the beam has 15 keV"):
        bu.quantify(*example(), ELEMENTS, beam_kev=15)
    found = bu.quantify(result, image, ["Mg", "Si", "O"], beam_kev=200)
    assert any("as in a bulk specimen" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"elements": ["Pb"], "beam_kev": 200.0, "energy": (0.3, 2.0)},
            "elements must have lines on the energy axis",
        ),
        ({"elements": ["Xx"]}, "element must be a chemical symbol"),
        ({"elements": "Mg"}, "elements must be a list"),
        ({"elements": []}, "elements must name at least one"),
        ({"elements": ["Mg", "Mg_K"]}, "each element once"),
        ({"elements": ["Mg_Q"]}, "a line must have a name such as"),
        ({"thickness_nm": 100}, "thickness_nm needs the density"),
        ({"density": 3.0}, "density needs the thickness"),
        ({"thickness_nm": -1, "density": 3.0}, "thickness_nm must be positive"),
        ({"thickness_nm": "thick", "density": 3.0}, "thickness_nm must be a number"),
        ({"k_factors": {"Mg_Ka": 1.0}}, "k_factors must hold the factor of every element, got none for Fe"),
        ({"k_factors": {}}, "k_factors must hold the factor of a line"),
        ({"k_factors": {"Mg_Ka": -1.0}}, "the k-factor of Mg_Ka must be positive"),
        (
            {"k_factors": {"Mg_Ka": (1.0, -0.1)}},
            "the standard deviation of the k-factor of Mg_Ka must be positive",
        ),
        ({"k_factors": {"Mg_Ka": "one"}}, "the k-factor of Mg_Ka must be a number"),
        ({"k_factors": {"Magnesium": 1.0}}, "a line must have a name such as"),
        ({"k_factors": [1.0, 2.0]}, "a list of k-factors must have one for each line"),
        ({"k_factors": 3}, "k_factors must be a mapping"),
        ({"k_factors": "nowhere.csv"}, "there is no file 'nowhere.csv' with k-factors"),
        ({"oxygen": "guessed"}, "oxygen must be 'measured' or 'stoichiometry'"),
        ({"valences": {"Fe": 3}}, "valences change nothing where oxygen is measured"),
        ({"level": 1.5}, "must lie between 0 and 1"),
        ({"regions": {"none": np.zeros((SIDE, SIDE), bool)}}, "the region 'none' must contain a pixel"),
        ({"regions": np.ones((SIDE, SIDE), bool)}, "regions must be a mapping"),
        ({"claim": "phases.png"}, "claim must be a bayesunmix.Claim, got str"),
        ({"formulas": "Mg2SiO4"}, "formulas must be a list"),
        ({"formulas": ["Mg2Sx"]}, "composition must be a chemical formula"),
        ({"exclude": "Cu"}, "exclude must be a list"),
        ({"electrons": 1e9}, "electrons are needed with zeta-factors alone"),
        ({"zeta_factors": {"Mg_Ka": 1.0}}, "zeta_factors need the electrons of a pixel"),
        ({"takeoff_deg": 200.0}, "takeoff_deg must lie between 0 and 180"),
        ({"detector": "SDD"}, "detector must be"),
        ({"identified": 3}, "identified must be what bayesunmix.identify returns"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_bad_input_gets_one_sentence(options, said):
    options = dict(options)
    result, image = example()
    if ends := options.pop("energy", None):
        inside = (ends[0] <= ENERGY) & (ends[1] >= ENERGY)
        image = image.crop(*ends)
        e = result.estimate.endmembers[:, inside]
        draws = result.posterior.endmembers[..., inside]
        result = replace(
            result,
            estimate=bu.Factorization(e / e.sum(axis=1, keepdims=True), result.estimate.abundances),
            posterior=replace(result.posterior, endmembers=draws / draws.sum(axis=-1, keepdims=True)),
        )
        options["elements"] = ["Cu_K"]
    options.setdefault("elements", ELEMENTS)
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=said) as caught:
        bu.quantify(result, image, **options)
    assert "\n" not in str(caught.value)


def test_a_phase_with_the_name_of_a_component_is_told_from_it():
    result, image = example()
    named = replace(result, names=("olivine", "rest"))
    upper = np.repeat([True, False], SIDE * SIDE // 2).reshape(SIDE, SIDE)
    claim = bu.Claim(np.where(upper, 1, 2), ("olivine", "anorthite"))
    found = bu.quantify(named, image, ELEMENTS, beam_kev=200, claim=claim, regions={"rest": upper})
    assert [part.name for part in found] == [
        "olivine",
        "rest",
        "rest (region)",
        "olivine (claimed)",
        "anorthite",
    ]


def test_regions_of_known_spectra_are_quantified():
    result, image = example()
    known = replace(result, posterior=None, known=(True, True))
    everywhere = {"all": np.ones((SIDE, SIDE), bool)}
    found = bu.quantify(known, image, ELEMENTS, k_factors=true_factors(), regions=everywhere)
    assert found.components == () and found["all"]["Mg"].atomic.feasible is None
    assert found["all"]["Mg"].atomic.mean == pytest.approx(quantified()["all"]["Mg"].atomic.mean, rel=0.02)
    with pytest.raises(ValueError, match="name the parts to quantify by regions or claim"):
        bu.quantify(known, image, ELEMENTS, beam_kev=200)


def test_line_families_have_regions_to_quantify():
    _, image = example()
    result = bu.unmix(image, method="elements", elements=tuple(ELEMENTS))
    upper = np.repeat([True, False], SIDE * SIDE // 2).reshape(SIDE, SIDE)
    found = bu.quantify(result, image, ELEMENTS, k_factors=true_factors(), regions={"upper": upper})
    mg, true = found["upper"]["Mg"].atomic, formula_atoms(FORMULAS[0])["Mg"]
    assert mg.mean == pytest.approx(true, abs=4.5 * mg.value.sd) and mg.value.sd > 0


def test_a_ratio_over_nothing_is_infinite():
    one = quantified()["component 0"].ratio("Mg", "Ca")
    assert one.upper == np.inf and one.lower > 50


def test_a_result_without_error_bars_is_refused():
    result, image = example()
    with pytest.raises(ValueError, match="needs a result with a posterior"):
        bu.quantify(replace(result, posterior=None), image, ELEMENTS)


@pytest.mark.parametrize(
    ("intensities", "options", "said"),
    [
        ({"Fe_Ka": -1.0, "Pt_La": 3.0}, {}, "the intensity of Fe_Ka must not be negative, got -1.0"),
        ({"Fe_Ka": np.nan}, {}, "must not be negative"),
        ({"Fe_Ka": "many"}, {}, "must be a number"),
        ({"Fe_Ka": 0.0}, {}, "must be above 0"),
        ({"Fe_Ka": 1.0, "Fe_La": 1.0}, {}, "one line of each element"),
        ({}, {}, "intensities must be a mapping"),
        ({"Fe_Ka": 1.0, "Pt_La": 1.0}, {"k_factors": {"Fe_Ka": 1.0}}, "got none for Pt_La"),
        ({"Fe_Ka": 1.0}, {"thickness_nm": 10}, "needs the density"),
        ({"Fe_Ka": 1.0, "O_Ka": 1.0}, {"oxygen": "stoichiometry"}, "among the intensities too"),
        ({"Ne_Ka": 1.0}, {"oxygen": "stoichiometry"}, "needs the valence of Ne"),
    ],
)
def test_bad_intensities_get_one_sentence(intensities, options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        bu.cliff_lorimer(intensities, **options)


def test_weights_and_atoms_are_of_one_composition():
    found = bu.cliff_lorimer({"Fe_Ka": 300.0, "Pt_La": 500.0}, {"Fe_Ka": 1.45, "Pt_La": 5.07})
    weights = np.array([300 * 1.45, 500 * 5.07])
    assert list(found.weight.values()) == pytest.approx((weights / weights.sum()).tolist())
    atoms = weights / atomic_weights(["Fe", "Pt"])
    assert list(found.atomic.values()) == pytest.approx((atoms / atoms.sum()).tolist())


def test_an_interval_reaches_over_the_feasible_range():
    """Draws under a solution may all lie to one side of its mean spectrum, where chains disagree."""
    plain = np.random.default_rng(0).normal(0.3, 0.01, (50, 1))
    under, own = np.stack([plain, plain + 0.1]), np.array([[0.2], [0.5]])
    (amount,) = amounts_of(Drawn(plain, plain, under, under, own, plain, plain[:5], False), 0.9)
    assert amount.feasible == (0.2, 0.5)
    assert amount.lower <= 0.2 and amount.upper >= 0.5
    assert amount.value.lower <= 0.2 and amount.value.upper >= 0.5
