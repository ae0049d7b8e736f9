"""Say from which R-hat on chains disagree."""

MOST_R_HAT = 1.1
