"""Pictures of results. Every function draws into ``ax``, or a new figure, and returns it.

- `profile`: concentration along an axis, hybrid and reference;
- `field`: an image of the concentration in two dimensions, or of a slice;
- `counts`: numbers in the particle region in time;
- `overview`: all species at a few times, beside a reference.

They take runs, mean fields and ensembles alike. Matplotlib is imported on use; the figures are
pyplot's, so that notebooks and ``plt.show()`` show them.
"""

from hybridrd.plotting.images import field
from hybridrd.plotting.lines import counts, profile
from hybridrd.plotting.overview import overview

__all__ = ["counts", "field", "overview", "profile"]
