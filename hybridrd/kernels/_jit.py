"""All compiler options, in one place.

``nogil`` lets threads share one compiled kernel, each on its own part of the arrays; ``cache``
keeps compiled kernels on disk. No ``fastmath``: results must not depend on how loops are cut.
"""

from __future__ import annotations

import numba

jit = numba.njit(nogil=True, cache=True, error_model="numpy")

# For scalar functions that stand inside loops: only what is inlined lets the loop vectorise.
inlined = numba.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)
