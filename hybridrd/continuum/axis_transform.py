"""Eigenvectors of the second difference along one axis of cells, by fast real transforms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from hybridrd.arrays import Floats

# What the two ends of a row of cells hold, a face value half a cell away (True) or no flux;
# None for a ring. Such a row has the type of its transform, a shift of the mode numbers, and the
# sign of the image in the ends: sums over modes are C(x - x') + sign C(x + x' + 1).
Ends = tuple[bool, bool] | None
TYPES: dict[Ends, tuple[str, int, float, int]] = {
    (False, False): ("dct", 2, 0.0, 1),
    (True, True): ("dst", 2, 1.0, -1),
    (False, True): ("dct", 4, 0.5, 1),
    (True, False): ("dst", 4, 0.5, -1),
}


class AxisTransform:
    """The transform along one axis, in which the second difference is diagonal.

    Parameters
    ----------
    n
        Number of cells.
    ends
        Whether a concentration is given on the first and the last face; None for a ring.

    Attributes
    ----------
    eigenvalues
        Of minus the second difference, in the order of the transform, ``(n,)``.
    image
        Sign of the image in the ends; 0 for a ring.

    Examples
    --------
    >>> row = AxisTransform(3, (False, False))
    >>> row.back(row.eigenvalues * row.there(np.array([0.0, 1.0, 0.0]), 0), 0).round(12) + 0.0
    array([-1.,  2., -1.])
    """

    def __init__(self, n: int, ends: Ends) -> None:
        self.n = n
        self._step: Callable[..., Any]
        self._step_back: Callable[..., Any]
        if ends is None:
            from scipy import fftpack

            # Real and imaginary parts in a row, so that this is a real transform as the others.
            self._step, self._step_back = fftpack.rfft, fftpack.irfft
            modes: Floats = np.array([(k + 1) // 2 for k in range(n)], np.float64)
            self.image, turn = 0, 2.0
            self._angles = 2.0 * np.pi * np.arange(n) / n
        else:
            from scipy import fft

            name, number, shift, self.image = TYPES[ends]
            self._step = partial(getattr(fft, name), type=number)
            self._step_back = partial(getattr(fft, "i" + name), type=number)
            modes, turn = np.arange(n, dtype=np.float64) + shift, 1.0
            self._angles = np.pi * modes / n
        self.eigenvalues = 4.0 * np.sin(0.5 * turn * np.pi * modes / n) ** 2

    def there(self, values: Floats, axis: int) -> Floats:
        """Amplitudes of the modes along an axis of an array, which may be overwritten."""
        return np.asarray(self._step(values, axis=axis, overwrite_x=True))

    def back(self, modes: Floats, axis: int) -> Floats:
        """The inverse of `there`."""
        return np.asarray(self._step_back(modes, axis=axis, overwrite_x=True))

    def waves(self) -> tuple[Floats, Floats]:
        """Weighted waves, and the eigenvalue of each, by which functions of the operator are sums.

        Returns
        -------
        tuple of numpy.ndarray
            ``C[s, k]``, ``(2 n, n)``, and the eigenvalues ``(n,)`` in the order of k: the entry
            x, x' of f(operator) is ``sum over k of f (C[abs(x - x')] + image C[x + x' + 1])``.
        """
        theta = self._angles
        plain = np.isin(np.arange(self.n), np.flatnonzero(np.abs(np.sin(theta)) < 1e-9))
        weight = np.where(plain, 0.5, 1.0) if self.image else np.ones(self.n)
        table = np.cos(np.multiply.outer(np.arange(2 * self.n), theta)) * (weight / self.n)
        return table, 4.0 * np.sin(0.5 * theta) ** 2
