"""Find out how an element map was made from the counts."""
