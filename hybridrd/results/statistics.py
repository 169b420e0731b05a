"""Running moments over replicas: mean, variance and standard error without keeping the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Moments:
    """Count, mean and sum of squared deviations M2 of arrays of one shape.

    Samples are added one by one (Welford's recurrence), and two sets of samples merged by

        mean = mean_a + delta n_b / n,    M2 = M2_a + M2_b + delta² n_a n_b / n,

    with delta = mean_b - mean_a (Chan, Golub & LeVeque 1983): no difference of large numbers, so
    that a large offset costs no digits. The result depends on the order of samples and merges by
    round-off only, and not at all if the order is the same.

    Integer samples have their sum kept as an integer: their mean is exact but for one division
    while the sum stays below 2^63.

    Examples
    --------
    >>> counts = Moments()
    >>> for n in (4, 6, 8):
    ...     counts.add(np.array([n, 1]))
    >>> counts.mean, counts.variance
    (array([6., 1.]), array([4., 0.]))
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: Floats | None = None
        self._m2: Floats | None = None
        self._sum: NDArray[np.int64] | None = None  # while all samples are integers

    def add(self, sample: Any) -> None:
        """Add one sample.

        Raises
        ------
        ValueError
            If its shape is not that of the samples before.
        """
        x = np.asarray(sample)
        whole = x.astype(np.int64) if np.issubdtype(x.dtype, np.integer) else None
        x = x.astype(np.float64)
        if self._mean is None or self._m2 is None:
            self.count, self._mean, self._m2, self._sum = 1, x, np.zeros_like(x), whole
            return
        self._same_shape(x.shape)
        self.count += 1
        before = x - self._mean
        self._move_mean(whole, self._mean + before / self.count)
        self._m2 += before * (x - self._mean)

    def merge(self, other: Moments) -> None:
        """Add all samples of another set; the other is left as it is."""
        if other._mean is None or other._m2 is None:
            return
        if self._mean is None or self._m2 is None:
            self.count = other.count
            self._mean, self._m2 = other._mean.copy(), other._m2.copy()
            self._sum = None if other._sum is None else other._sum.copy()
            return
        self._same_shape(other._mean.shape)
        n = self.count + other.count
        delta = other._mean - self._mean
        self._m2 += other._m2 + delta**2 * (self.count * other.count / n)
        self.count = n
        self._move_mean(other._sum, self._mean + delta * (other.count / n))

    @property
    def mean(self) -> Floats:
        """Mean of the samples. Raises ValueError without samples."""
        if self._mean is None:
            raise ValueError("there are no samples to take the mean of")
        return self._mean.copy()

    @property
    def variance(self) -> Floats:
        """Unbiased variance, M2 / (count - 1); NaN for one sample, which has none."""
        if self._m2 is None:
            raise ValueError("there are no samples to take the variance of")
        if self.count == 1:
            return np.full_like(self._m2, np.nan)
        return np.asarray(self._m2 / (self.count - 1))

    @property
    def sem(self) -> Floats:
        """Standard error of the mean, sqrt(variance / count); NaN for one sample."""
        return np.asarray(np.sqrt(self.variance / self.count))

    def _move_mean(self, whole: NDArray[np.int64] | None, mean: Floats) -> None:
        """Set the mean, from the integer sum where there is one."""
        if self._sum is not None and whole is not None:
            self._sum = self._sum + whole
            mean = self._sum / self.count
        else:
            self._sum = None
        self._mean = np.asarray(mean)

    def _same_shape(self, shape: tuple[int, ...]) -> None:
        assert self._mean is not None
        if shape != self._mean.shape:
            raise ValueError(f"a sample of shape {shape} among samples of {self._mean.shape}")
