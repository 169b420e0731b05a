"""Running moments over replicas: mean, variance and standard error without stored samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Moments:
    """Count, mean and sum of squared deviations M2 of arrays of one shape.

    Samples are added one by one (Welford's recurrence), and two sets of samples are merged by

        mean = mean_a + delta n_b / n,    M2 = M2_a + M2_b + delta² n_a n_b / n,

    with delta = mean_b - mean_a (Chan, Golub & LeVeque 1983). No large numbers are subtracted, so a
    large offset costs no digits. The order of samples and merges changes the result only by
    round-off.

    The sum of integer samples is kept as an integer, so their mean is exact up to one division
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
        whole = x.astype(np.int64, copy=False) if x.dtype.kind in "iu" else None
        if self._mean is None or self._m2 is None:
            self.count, self._mean = 1, x.astype(np.float64)
            self._m2, self._sum = np.zeros_like(self._mean), None if whole is None else whole.copy()
            return
        self._same_shape(x.shape)
        self.count += 1
        before = x - self._mean
        self._move_mean(whole, self._mean + before / self.count)
        self._m2 += before * (x - self._mean)

    def merge(self, other: Moments) -> None:
        """Add all samples of another set; the other is unchanged."""
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
            raise ValueError("no samples, so no mean")
        return self._mean.copy()

    @property
    def variance(self) -> Floats:
        """Unbiased variance, M2 / (count - 1); NaN for one sample, which has none."""
        if self._m2 is None:
            raise ValueError("no samples, so no variance")
        if self.count == 1:
            return np.full_like(self._m2, np.nan)
        return np.asarray(self._m2 / (self.count - 1))

    @property
    def sem(self) -> Floats:
        """Standard error of the mean, sqrt(variance / count); NaN for one sample."""
        return np.asarray(np.sqrt(self.variance / self.count))

    def state(self) -> dict[str, NDArray[Any]]:
        """The moments as arrays by name; `from_state` is the inverse."""
        if self._mean is None or self._m2 is None:
            raise ValueError("there are no samples yet")
        state: dict[str, NDArray[Any]] = {"mean": self._mean, "m2": self._m2}
        state["count"] = np.array(self.count)
        if self._sum is not None:
            state["sum"] = self._sum
        return state

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """The moments of a `state`. Raises KeyError where something is missing."""
        made = cls()
        made.count, made._sum = int(state["count"]), state.get("sum")
        made._mean, made._m2 = state["mean"], state["m2"]
        return made

    def _move_mean(self, whole: NDArray[np.int64] | None, mean: Floats) -> None:
        """Set the mean, from the integer sum if there is one."""
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


class JointMoments:
    """Moments of variables that are sampled together: two long arrays in place of many short ones.

    Examples
    --------
    >>> joint = JointMoments()
    >>> for n in (4, 6, 8):
    ...     joint.add({"number": np.array([n, 1]), "place": np.array(0.5 * n)})
    >>> joint.parts()["number"].mean, joint.parts()["place"].variance
    (array([6., 1.]), array(1.))
    """

    def __init__(self) -> None:
        self._shapes: dict[str, tuple[int, ...]] = {}
        # Names, and their moments: of whole numbers, and of others.
        self._groups: tuple[tuple[list[str], Moments, type], ...] = (
            ([], Moments(), np.int64), ([], Moments(), np.float64)
        )  # fmt: skip

    def add(self, sample: Mapping[str, NDArray[Any]]) -> None:
        """Add one sample of each variable. Raises ValueError if a shape is not as before."""
        if not self._shapes:
            for name, x in sample.items():
                self._groups[x.dtype.kind not in "iu"][0].append(name)
            self._shapes = {name: x.shape for name, x in sample.items()}
        for names, moments, kind in self._groups:
            if names:
                flat = [sample[name].ravel() for name in names]
                moments.add(np.concatenate(flat, dtype=kind, casting="unsafe"))

    def parts(self) -> dict[str, Moments]:
        """The moments of each variable."""
        found: dict[str, Moments] = {}
        for names, moments, _ in self._groups:
            begin, state = 0, moments.state() if names else {}
            for name in names:
                shape = self._shapes[name]
                end = begin + math.prod(shape)
                part = {n: v[begin:end].reshape(shape) for n, v in state.items() if n != "count"}
                found[name], begin = Moments.from_state(part | {"count": state["count"]}), end
        return found


class Comoments(Moments):
    """Moments with the sums of products of deviations, between the entries of the second axis.

    For samples ``(a, n, ...)`` they are ``(a, n, n, ...)``, added and merged as those of `Moments`
    with the product of two deviations in place of the square; exactly symmetric.

    Examples
    --------
    >>> pairs = Comoments()
    >>> for n in (1, 2, 3):
    ...     pairs.add(np.array([[n, -2 * n]]))
    >>> pairs.covariance
    array([[[ 1., -2.],
            [-2.,  4.]]])
    """

    def __init__(self) -> None:
        super().__init__()
        self._products: Floats | None = None

    def add(self, sample: Any) -> None:
        """Add one sample, of at least two dimensions."""
        x = np.asarray(sample, dtype=np.float64)
        before = np.zeros_like(x) if self._mean is None else x - self._mean
        super().add(sample)
        self._add(before, (self.count - 1) / self.count)

    def merge(self, other: Moments) -> None:
        """Add all samples of another set of the same kind."""
        assert isinstance(other, Comoments)
        if other._mean is None or other._products is None:
            return
        mine, self_mean = self.count, self._mean
        super().merge(other)
        delta = np.zeros_like(other._mean) if self_mean is None else other._mean - self_mean
        self._add(delta, mine * other.count / self.count)
        assert self._products is not None
        self._products += other._products

    @property
    def covariance(self) -> Floats:
        """Unbiased covariances; NaN for one sample, which has none."""
        if self._products is None:
            raise ValueError("no samples, so no covariance")
        if self.count == 1:
            return np.full_like(self._products, np.nan)
        return np.asarray(self._products / (self.count - 1))

    def state(self) -> dict[str, NDArray[Any]]:
        """The moments as arrays by name, with the products."""
        state = super().state()
        assert self._products is not None
        return {**state, "products": self._products}

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """The moments of a `state`. Raises KeyError where something is missing."""
        made = super().from_state(state)
        made._products = state["products"]
        return made

    def _add(self, deviation: Floats, weight: float) -> None:
        products = weight * (deviation[:, :, None] * deviation[:, None, :])
        self._products = products if self._products is None else self._products + products
