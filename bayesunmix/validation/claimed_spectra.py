class Spectra:
    evidence = ()


def check_spectra(*a, **k):
    return Spectra()
