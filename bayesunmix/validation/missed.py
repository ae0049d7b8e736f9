class Missed:
    evidence = ()


def missed_phases(*a, **k):
    return Missed()
