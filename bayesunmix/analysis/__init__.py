"""Questions to a result: regions, phases, line intensities, denoised spectra, and how unique the answer is."""
