"""Make claims about phantoms: right ones, and ones with an error that is known.

A right claim is the label map of the truth: each pixel belongs to the component that gives it most counts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from scipy import ndimage, sparse

import bayesunmix as bu
from bayesunmix.validation.amounts.counts_needed import chernoff_information
from simulations import PHANTOMS, Phantom, Trial, acquire

DOSES = (5.0, 20.0, 100.0)
_RIGHT = (
    "nicr_film",
    "overlapping_lines",
    "trace_precipitates",
    "thickness_wedge",
    "grains",
    "core_shell",
)


@dataclass(frozen=True, eq=False)
class Planted:
    """Hold a claim, the counts it is held against, and what is known of it.

    Parameters
    ----------
    trial : Trial
        Its image is what is validated.
    claim : bu.Claim
    subjects : tuple of str
        What a finding must speak of to have found the error; empty where any will do.
    wrong : (H, W) bool array, optional
        The pixels whose label is wrong.
    known : float
        The size of the error, in the unit of the finding; nan where there is none.
    pair : (str, str), optional
        The component that the wrong pixels are, and the one that they are called.
    """

    trial: Trial
    claim: bu.Claim
    subjects: tuple[str, ...] = ()
    wrong: np.ndarray | None = None
    known: float = np.nan
    pair: tuple[str, str] | None = None

    @property
    def difficulty(self) -> float:
        """Return counts in the wrong pixels times the Chernoff information per photon; nan without a pair."""
        if self.pair is None or self.wrong is None:
            return np.nan
        phantom = self.trial.phantom
        spectra = (phantom.truth.endmembers[phantom.labels.index(name)] for name in self.pair)
        smooth = [(spectrum + 1e-9) / (spectrum + 1e-9).sum() for spectrum in spectra]
        return float(self.trial.image.total_map()[self.wrong].sum() * chernoff_information(*smooth))


@dataclass(frozen=True)
class Plant:
    """Say how a claim is made, which tests may find its error, and how often they should.

    Parameters
    ----------
    make : callable (dose, seed) -> Planted
    tests : tuple of str
        Names of the tests of `bayesunmix.validate` that may; empty where the claim is right.
    least : mapping from dose to share
        In how many of the reports the error should be found: 0.95 where not given, 0 where nobody could.
    """

    make: Callable[[float, int], Planted]
    tests: tuple[str, ...] = ()
    least: Mapping[float, float] = field(default_factory=dict)


@cache
def built(name: str) -> Phantom:
    """Return a phantom, built once."""
    return PHANTOMS[name]()


def right_labels(phantom: Phantom) -> np.ndarray:
    """Return the component with most counts in each pixel, (H, W), and -1 in vacuum."""
    abundances = phantom.truth.abundances
    labels = np.where(phantom.specimen, abundances.argmax(axis=1), -1)
    return labels.reshape(phantom.navigation_shape)


def claimed(phantom: Phantom, labels: np.ndarray, **parts: object) -> bu.Claim:
    """Claim the phases of a phantom by their names."""
    present = {k: name for k, name in enumerate(phantom.labels) if (labels == k).any()}
    return bu.Claim(labels, present, -1, **parts)  # type: ignore[arg-type]


def plants() -> dict[str, Plant]:
    """Return all kinds of claims by name."""
    return {
        **{f"right: {name}": Plant(_right(name)) for name in _RIGHT},
        **_merged(),
        **_rare(),
        **_regions(),
        **_geometry(),
        **_numbers(),
    }


def _right(name: str) -> Callable[[float, int], Planted]:
    def make(dose: float, seed: int) -> Planted:
        phantom = built(name)
        return Planted(acquire(phantom, dose, seed), claimed(phantom, right_labels(phantom)))

    return make


def _merged() -> dict[str, Plant]:
    """Put two phases under one label."""
    pairs = {
        "Cr + Ni": ("nicr_film", "Cr", "Ni"),
        "Cr2O3 + MnCr2O4": ("overlapping_lines", "Cr2O3", "MnCr2O4"),
        "sigma + chi": ("grains", "sigma", "chi"),
        "austenite + ferrite": ("grains", "austenite", "ferrite"),
    }

    def of(name: str, kept: str, other: str) -> Callable[[float, int], Planted]:
        def make(dose: float, seed: int) -> Planted:
            phantom = built(name)
            labels = right_labels(phantom)
            wrong = labels == phantom.labels.index(other)
            merged = np.where(wrong, phantom.labels.index(kept), labels)
            trial = acquire(phantom, dose, seed)
            return Planted(trial, claimed(phantom, merged), (kept,), wrong, pair=(other, kept))

        return make

    return {f"merged: {name}": Plant(of(*pair), ("exchange", "pieces")) for name, pair in pairs.items()}


def _rare() -> dict[str, Plant]:
    """Hide a disc of another phase, 0.5 % of the area."""
    where = {
        "Ni in Cr": ("nicr_film", "Ni", "Cr"),
        "MnCr2O4 in Cr2O3": ("overlapping_lines", "MnCr2O4", "Cr2O3"),
        "Cr2O3 in steel": ("overlapping_lines", "Cr2O3", "steel"),
    }

    def of(name: str, other: str, host: str) -> Callable[[float, int], Planted]:
        def make(dose: float, seed: int) -> Planted:
            phantom = built(name)
            labels = right_labels(phantom)
            disc = _disc(labels == phantom.labels.index(host), 0.005)
            trial = _with(acquire(phantom, dose, seed), disc, phantom.labels.index(other), dose, seed)
            return Planted(trial, claimed(phantom, labels), (host,), disc, pair=(other, host))

        return make

    tests = ("exchange", "pieces", "missed", "pixels")
    hardest = {"MnCr2O4 in Cr2O3": {5.0: 0.0}}
    return {
        f"missed: {name}": Plant(of(*place), tests, hardest.get(name, {})) for name, place in where.items()
    }


def _regions() -> dict[str, Plant]:
    """Call a gradient a phase, a grain by another name, and a rim a phase; split a phase."""
    names = {
        "ferrite called sigma": ("ferrite", "sigma"),
        "austenite called ferrite": ("austenite", "ferrite"),
        "spinel called MnS": ("spinel", "MnS"),
    }
    hard = {"austenite called ferrite": {5.0: 0.75}, "spinel called MnS": {5.0: 0.75}}
    return {
        "zoned: diffusion_couple": Plant(_halves("diffusion_couple", "these counts"), ("exchange",)),
        "split: by position": Plant(_split_by_position, ("difference",), {5.0: 0.0, 20.0: 0.0}),
        "split: by clustering": Plant(_split_by_clustering, ("difference",), dict.fromkeys(DOSES, 0.0)),
        **{
            f"grain: {name}": Plant(
                _grain(*grain), ("exchange", "pieces", "confusion", "missed"), hard.get(name, {})
            )
            for name, grain in names.items()
        },
        "rim: called clinopyroxene": Plant(_rim(True), ("mixture",), {5.0: 0.8}),
        "rim: beside grains of clinopyroxene": Plant(
            _rim(False), ("mixture", "pieces", "exchange"), {5.0: 0.8}
        ),
    }


def _geometry() -> dict[str, Plant]:
    """Shift, turn or mirror the whole map."""
    shifts = {
        "nicr_film 1 px": ("nicr_film", (0.0, 1.0)),
        "overlapping_lines 1 px": ("overlapping_lines", (1.0, 0.0)),
        "grains 1 px": ("grains", (1.0, 0.0)),
        "core_shell 1 px": ("core_shell", (0.0, 1.0)),
        "core_shell 1/2 px": ("core_shell", (0.5, 0.0)),
        "particles_espm 1/2 px": ("particles_espm", (0.0, 0.5)),
    }
    turned = ("nicr_film", "overlapping_lines", "grains", "trace_precipitates")
    return {
        **{
            f"shifted: {name}": Plant(
                _shifted(*shift), ("registration",), {5.0: 0.0} if "1/2" in name else {}
            )
            for name, shift in shifts.items()
        },
        **{f"turned: {name}": Plant(_turned(name), ("registration",)) for name in turned},
    }


def _numbers() -> dict[str, Plant]:
    """Give areas, names and spectra that are off."""
    areas = {
        "nicr_film": ("nicr_film", "Cr", "Ni"),
        "steel for Cr2O3": ("overlapping_lines", "steel", "Cr2O3"),
        "Cr2O3 for MnCr2O4": ("overlapping_lines", "Cr2O3", "MnCr2O4"),
    }
    return {
        **{f"area: {name}": Plant(_area(*area), ("areas",)) for name, area in areas.items()},
        "swapped: names and spectra": Plant(_swapped(True), ("spectrum",)),
        "swapped: names and elements": Plant(_swapped(False), ("elements",)),
        "spectrum: 5 eV off": Plant(_shifted_spectrum, ("spectrum",)),
    }


def _disc(inside: np.ndarray, share: float) -> np.ndarray:
    """Return a disc deep inside a phase, of a share of the map's area."""
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    rows, columns = np.indices(inside.shape)
    return np.hypot(rows - y, columns - x) <= np.sqrt(share * inside.size / np.pi)


def _with(trial: Trial, where: np.ndarray, component: int, dose: float, seed: int) -> Trial:
    """Return the trial with the counts of some pixels drawn anew, from one component alone."""
    rng = np.random.default_rng([seed, 20071])
    truth, image = trial.phantom.truth, trial.image
    rows = np.flatnonzero(where.ravel())
    brightness = truth.abundances[rows].sum(axis=1)
    drawn = sparse.csr_array(rng.poisson(dose * np.outer(brightness, truth.endmembers[component])))
    keep = sparse.diags_array((~where.ravel()).astype(np.int64))
    place = sparse.csr_array(
        (np.ones(rows.size, np.int64), (rows, np.arange(rows.size))), shape=(image.n_pixels, rows.size)
    )
    counts = keep @ image.counts.astype(np.int64) + place @ drawn
    return replace(trial, image=bu.SpectrumImage(counts, image.energy_kev, image.shape, image.axes))


def _halves(name: str, made_from: str) -> Callable[[float, int], Planted]:
    def make(dose: float, seed: int) -> Planted:
        phantom = built(name)
        labels = np.zeros(phantom.navigation_shape, int)
        labels[:, labels.shape[1] // 2 :] = 1
        claim = claimed(phantom, labels, made_from=made_from)
        return Planted(acquire(phantom, dose, seed), claim)

    return make


def _split_by_position(dose: float, seed: int) -> Planted:
    """Claim the upper and the lower half of the film's chromium as two phases."""
    phantom = built("nicr_film")
    labels = right_labels(phantom)
    chromium = labels == phantom.labels.index("Cr")
    lower = chromium & (np.indices(labels.shape)[0] >= labels.shape[0] // 2)
    names = {**dict(enumerate(phantom.labels)), 3: "Cr below"}
    claim = bu.Claim(np.where(lower, 3, labels), names, -1, made_from="elsewhere")
    return Planted(acquire(phantom, dose, seed), claim, ("Cr", "Cr below"))


def _split_by_clustering(dose: float, seed: int) -> Planted:
    """Claim two phases that a clustering found where there is one."""
    trial = acquire(built("null"), dose, seed)
    labels = bu.unmix(trial.image, 2, "vendor_cluster", seed=seed, verdicts=False).labels
    assert labels is not None
    return Planted(trial, bu.Claim(labels.reshape(trial.image.navigation_shape), unassigned=-1))


def _grain(own: str, called: str) -> Callable[[float, int], Planted]:
    def make(dose: float, seed: int) -> Planted:
        phantom = built("grains")
        labels = right_labels(phantom)
        pieces, n_pieces = ndimage.label(labels == phantom.labels.index(own))
        sizes = np.bincount(pieces.ravel())[1:]
        wrong = pieces == int(np.argsort(sizes)[n_pieces // 2]) + 1
        claim = claimed(phantom, np.where(wrong, phantom.labels.index(called), labels))
        return Planted(acquire(phantom, dose, seed), claim, (called,), wrong, pair=(own, called))

    return make


def _rim(alone: bool) -> Callable[[float, int], Planted]:
    """Call pixels across edges of plagioclase and olivine clinopyroxene, alone or beside its grains."""

    def make(dose: float, seed: int) -> Planted:
        phantom = built("norite")
        labels = right_labels(phantom)
        shares = phantom.truth.fractions.reshape(*labels.shape, -1)
        plagioclase, olivine = shares[..., 0], shares[..., 2]
        rim = (plagioclase > 0.2) & (olivine > 0.2) & (plagioclase + olivine > 0.95)
        pyroxene = phantom.labels.index("clinopyroxene")
        kept = np.where(labels == pyroxene, -1, labels) if alone else labels
        claim = claimed(phantom, np.where(rim, pyroxene, kept))
        return Planted(acquire(phantom, dose, seed), claim, ("clinopyroxene",), rim)

    return make


def _shifted(name: str, shift: tuple[float, float]) -> Callable[[float, int], Planted]:
    def make(dose: float, seed: int) -> Planted:
        phantom = built(name)
        maps = phantom.truth.abundances.reshape(*phantom.navigation_shape, -1)
        moved = ndimage.shift(maps, (*shift, 0), order=1, mode="nearest")
        total = moved.sum(axis=-1)
        labels = np.where(total > 0.02 * total.max(), moved.argmax(axis=-1), -1)
        claim = claimed(phantom, labels)
        return Planted(acquire(phantom, dose, seed), claim, known=float(np.hypot(*shift)))

    return make


def _turned(name: str) -> Callable[[float, int], Planted]:
    def make(dose: float, seed: int) -> Planted:
        phantom = built(name)
        labels = right_labels(phantom)
        ways = list(_ways(labels))
        return Planted(acquire(phantom, dose, seed), claimed(phantom, ways[seed % len(ways)]))

    return make


def _ways(labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the other orientations of a map."""
    for mirrored in (labels, labels[:, ::-1]):
        yield from (np.rot90(mirrored, quarter) for quarter in range(mirrored is labels, 4))


def _area(name: str, more: str, less: str) -> Callable[[float, int], Planted]:
    """Give one phase 0.02 of the map too much and another too little, in the table beside a right picture."""

    def make(dose: float, seed: int) -> Planted:
        phantom = built(name)
        labels = right_labels(phantom)
        areas = {label: float((labels == k).mean()) for k, label in enumerate(phantom.labels)}
        areas[more] += 0.02
        areas[less] -= 0.02
        claim = claimed(phantom, labels, areas=areas)
        return Planted(acquire(phantom, dose, seed), claim, (more, less), known=0.02)

    return make


def _swapped(spectra: bool) -> Callable[[float, int], Planted]:
    """Call chromium and nickel by each other's name, and give spectra or elements."""

    def make(dose: float, seed: int) -> Planted:
        phantom = built("nicr_film")
        trial = acquire(phantom, dose, seed)
        labels = right_labels(phantom)
        chromium, nickel = phantom.labels.index("Cr"), phantom.labels.index("Ni")
        swapped = np.select([labels == chromium, labels == nickel], [nickel, chromium], labels)
        parts: dict[str, object] = {"elements": {"Cr": ("Cr",), "Ni": ("Ni",)}}
        if spectra:
            parts = {
                "spectra": {label: _sum(trial, labels == k) for k, label in enumerate(phantom.labels)},
            }
        return Planted(trial, claimed(phantom, swapped, **parts), ("Cr", "Ni"))

    return make


def _shifted_spectrum(dose: float, seed: int) -> Planted:
    """Claim the spectrum of the chromium from another recording, half a channel too high."""
    phantom = built("nicr_film")
    labels = right_labels(phantom)
    other = acquire(phantom, dose, seed + 1_000_000)
    spectrum = _sum(other, labels == phantom.labels.index("Cr"))
    claim = claimed(phantom, labels, spectra={"Cr": (phantom.energy_kev + 0.005, spectrum)})
    return Planted(acquire(phantom, dose, seed), claim, ("Cr",), known=5.0)


def _sum(trial: Trial, where: np.ndarray) -> np.ndarray:
    return trial.image.within(where).sum_spectrum().astype(float)
