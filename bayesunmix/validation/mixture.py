class Mixtures:
    evidence = ()


def mixtures(*a, **k):
    return Mixtures()
