class ElementLists:
    evidence = ()


def check_element_lists(*a, **k):
    return ElementLists()
