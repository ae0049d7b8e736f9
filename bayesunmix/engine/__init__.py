"""Provide the numerics that methods share: device kernels, point fits, principal components, sampling."""
