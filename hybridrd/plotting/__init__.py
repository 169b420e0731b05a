"""Figures of results, drawn into ``ax`` or a new figure.

- `profile`: concentration along an axis, hybrid and reference;
- `field`: an image of the concentration in two dimensions, or of a slice;
- `drift`: contours of a potential and arrows of a flow, to put behind a field;
- `counts`: copy numbers in the particle region over time;
- `kymograph`: concentration against position and time;
- `snapshot`: particles as dots next to the continuum as colour;
- `compare`: two results, their difference, and the difference in standard errors;
- `phase_space`: densities of a master equation by copy number, and the currents between them;
- `overview`: all species at a few times, next to a reference;
- `sweep`: a parameter study, as curves, a map of two parameters, or small multiples in time;
- `scene`: slices, particles and obstacles in three dimensions, with pyvista;
- `live`: copy numbers and profiles during a run;
- `movie`: profile, field or snapshot in time, for notebooks and as a gif.

They accept runs, mean fields and ensembles. Matplotlib is imported on use; the figures are
pyplot figures, so notebooks and ``plt.show()`` show them.
"""

from hybridrd.plotting.comparison import compare
from hybridrd.plotting.drift import drift
from hybridrd.plotting.images import field
from hybridrd.plotting.kymograph import kymograph
from hybridrd.plotting.lines import counts, profile
from hybridrd.plotting.live import live
from hybridrd.plotting.movie import movie
from hybridrd.plotting.overview import overview
from hybridrd.plotting.phase_space import phase_space
from hybridrd.plotting.scene import scene
from hybridrd.plotting.snapshot import snapshot
from hybridrd.plotting.study import sweep

__all__ = [
    "compare",
    "counts",
    "drift",
    "field",
    "kymograph",
    "live",
    "movie",
    "overview",
    "phase_space",
    "profile",
    "scene",
    "snapshot",
    "sweep",
]
