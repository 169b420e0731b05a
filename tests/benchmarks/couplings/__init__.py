"""Couplings of particles and a continuum, published ones and hybridrd's, on the same problems.

``python -m tests.benchmarks.couplings --out docs/couplings.md`` writes the page. A line of unit
length is cut at its middle; the particle region is on the left. Each published scheme is one file,
written from the equations of its paper, with a claim of that paper which it reproduces.
"""
