"""Say where a model of electron-excited spectra does not apply: X-ray fluorescence (micro-XRF).

Its lines are the same, and it has no bremsstrahlung of electrons. Instead the specimen scatters the radiation of the
X-ray tube, elastically (Rayleigh) and with a loss of energy (Compton), and these peaks belong to no element of it.
"""

_SENTENCE = (
    "The continuum of this model is bremsstrahlung of electrons, which X-ray fluorescence does not have, and scattered "
    "radiation of the X-ray tube is not modelled and may be taken for elements. To go without line families, use "
    "method 'bayes' with endmember_model='smooth', its default."
)


def continuum_warnings(signal: str) -> list[str]:
    """Return what is to be warned of where line families and a continuum are fitted to this signal.

    Parameters
    ----------
    signal : {"eds", "xrf"}
    """
    return [_SENTENCE] if signal == "xrf" else []
