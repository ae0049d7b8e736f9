"""The numerics that methods share: counts on the devices, descent from a start to a certified result, projections."""
