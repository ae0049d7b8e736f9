"""State how far a claim may be off and still be called right."""

from dataclasses import dataclass

from bayesunmix.contracts.arguments import require_positive


@dataclass(frozen=True)
class Tolerance:
    """Hold the errors that a claim may have and still be called right.

    With enough photons every claim is wrong somewhere. A claim is contradicted only if its error is larger than the
    tolerance, beyond doubt.

    Parameters
    ----------
    content : float
        Fraction of the counts of a phase, or of the map, that may be something else than the label says.
    difference : float
        Fraction of the counts (total variation distance) by which two spectra may differ and still be called the same.
    area : float
        Error of an area fraction.
    shift_px : float
        Shift of the map against the counts, in pixels of the counts.
    shift_ev : float
        Shift of a spectrum, in eV.
    gain : float
        Relative error of the gain of a spectrum's energy axis.
    width_ev : float
        Error of the full width at half maximum of the lines of a spectrum, in eV.

    Examples
    --------
    >>> import bayesunmix as bu
    >>> bu.Tolerance(area=0.02).area
    0.02
    >>> bu.Tolerance().content
    0.02
    """

    content: float = 0.02
    difference: float = 0.02
    area: float = 0.01
    shift_px: float = 0.3
    shift_ev: float = 2.5
    gain: float = 0.002
    width_ev: float = 10.0

    def __post_init__(self) -> None:
        require_positive(self)
