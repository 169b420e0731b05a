"""Closed-form diffusion in intervals, disks and balls, used by `hybridrd.theory.diffusion`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybridrd.arguments import number
from hybridrd.errors import ModelError
from hybridrd.theory._arguments import inside, scaled, times

Floats = NDArray[np.float64]

EARLY = 0.1  # D t/L² below which images are summed, above which modes
MAX_ZEROS = 1000


def patch_in_interval(
    x: ArrayLike, t: ArrayLike, D: float, L: float, a: float, b: float, c: float = 1.0
) -> Floats:
    """Interval 0 <= x <= L with reflecting ends, uniform ``c`` on a < x < b at the start.

    ``c (b - a)/L + sum_n (2 c/(n pi)) [sin(m b) - sin(m a)] cos(m x) exp(-D m² t)``, m = n pi/L, n
    >= 1 (early: its images on the line). It ends at the mean, ``c (b - a)/L``.

    Examples
    --------
    >>> patch_in_interval(0.3, [0.0, 9.0], D=1.0, L=2.0, a=0.0, b=0.5, c=8.0)
    array([8., 2.])
    """
    from scipy.special import erf

    place, end = inside(x, 0.0, L), number(L, "L", strict=True)
    if not 0 <= a < b <= end:
        raise ModelError(f"the patch from a = {a:g} to b = {b:g} is not within 0 and L = {end:g}")

    def images(time: Floats) -> Floats:
        total = np.zeros(np.broadcast(place, time).shape)
        for shift in 2 * end * np.arange(-3, 4):
            for side in (place, -place):
                image = shift + side
                total += erf(scaled(b - image, time, D)) - erf(scaled(a - image, time, D))
        return total * number(c, "c") / 2

    def modes(time: Floats) -> Floats:
        total = c * (b - a) / end
        for m in np.arange(1, 9) * math.pi / end:
            size = 2 * c / (m * end) * (math.sin(m * b) - math.sin(m * a))
            total = total + size * np.cos(m * place) * np.exp(-D * m**2 * time)
        return np.asarray(total)

    return _early_or_late(images, modes, times(t), D, end)


def cosine_mode(
    x: ArrayLike, t: ArrayLike, D: float, L: float, n: int, mean: float, amplitude: float
) -> Floats:
    """Interval 0 <= x <= L with reflecting ends, one mode over a uniform state.

    ``c = mean + amplitude cos(n pi x/L) exp(-D (n pi/L)² t)``; it decays to ``mean``.

    Examples
    --------
    >>> cosine_mode([0.0, 1.0], t=0.0, D=1.0, L=1.0, n=1, mean=5.0, amplitude=2.0)
    array([7., 3.])
    """
    wave = n * math.pi / number(L, "L", strict=True)
    decay = np.exp(-number(D, "D") * wave**2 * times(t))
    return np.asarray(mean + amplitude * np.cos(wave * inside(x, 0.0, L)) * decay)


def reservoir_interval(
    x: ArrayLike, t: ArrayLike, D: float, L: float, c_R: float, c_0: float = 0.0
) -> Floats:
    """Interval 0 <= x <= L, reflecting at 0, ``c = c_R`` at L, uniform ``c_0`` at the start.

    ``c = c_R + (c_0 - c_R) sum_n 2 (-1)^n/m_n cos(m_n x/L) exp(-m_n² D t/L²)``,
    ``m_n = (n + 1/2) pi``, n >= 0 (early: images of the reservoir). It ends at c_R. With x the
    distance from the middle, it is a slab of width 2 L between two reservoirs.

    Examples
    --------
    >>> reservoir_interval([0.0, 1.0], t=[[0.0], [9.0]], D=1.0, L=1.0, c_R=4.0).round(3)
    array([[0., 4.],
           [4., 4.]])
    """
    from scipy.special import erfc

    place, end = inside(x, 0.0, L), number(L, "L", strict=True)

    def images(time: Floats) -> Floats:
        total = np.zeros(np.broadcast(place, time).shape)
        for n in range(4):
            for side in (place, -place):
                total += (-1) ** n * erfc(scaled((2 * n + 1) * end - side, time, D))
        return total

    def modes(time: Floats) -> Floats:
        total = np.ones(np.broadcast(place, time).shape)
        for n in range(8):
            m = (n + 0.5) * math.pi
            decay = np.exp(-(m**2) * D * time / end**2)
            total -= 2 * (-1) ** n / m * np.cos(m * place / end) * decay
        return total

    filled = _early_or_late(images, modes, times(t), D, end)
    return number(c_0, "c_0") + (number(c_R, "c_R") - c_0) * filled


def disk_reservoir(
    r: ArrayLike, t: ArrayLike, D: float, R: float, c_R: float, c_0: float = 0.0
) -> Floats:
    """Disk of radius R in two dimensions, ``c = c_R`` at its edge, uniform ``c_0`` at the start.

    ``c = c_R + (c_0 - c_R) sum_n 2 J0(a_n r/R)/(a_n J1(a_n)) exp(-a_n² D t/R²)``, a_n the zeros of
    J0. It ends at c_R. Times other than 0 must be above 4.1e-6 R²/D (`ModelError`).

    Examples
    --------
    >>> disk_reservoir(0.0, [0.0, 0.1, 9.0], D=1.0, R=1.0, c_R=1.0).round(4)
    array([0.    , 0.1516, 1.    ])
    """
    from scipy.special import j0, j1, jn_zeros

    radius, time = np.broadcast_arrays(inside(r, 0.0, R), times(t))
    start, diffusion = number(c_0, "c_0"), number(D, "D", strict=True)
    left = np.ones(radius.shape)
    later = time[time > 0]
    if later.size:
        first = diffusion * float(later.min()) / R**2
        terms = 2 + math.ceil(math.sqrt(40 / first) / math.pi)
        if terms > MAX_ZEROS:
            raise ModelError(
                f"t = {later.min():.3g}: the series would need {terms} zeros; take t = 0 or "
                f"t > {40 / (math.pi * MAX_ZEROS) ** 2 * R**2 / diffusion:.3g}"
            )
        series = np.zeros(radius.shape)
        for zero in jn_zeros(0, terms):
            decay = np.exp(-(zero**2) * diffusion * time / R**2)
            series += 2 / (zero * j1(zero)) * j0(zero * radius / R) * decay
        left = np.where(time > 0, series, left)
    return number(c_R, "c_R") + (start - c_R) * left


def ball_reservoir(
    r: ArrayLike, t: ArrayLike, D: float, R: float, c_R: float, c_0: float = 0.0
) -> Floats:
    """Ball of radius R in three dimensions, ``c = c_R`` at its surface, uniform ``c_0`` at t = 0.

    ``c = c_R + (c_0 - c_R) sum_n 2 (-1)^(n+1) sin(m r)/(m r) exp(-m² D t)``, ``m = n pi/R``, n >= 1
    (early: images of the reservoir). It ends at c_R.

    Examples
    --------
    >>> ball_reservoir(0.0, [0.0, 0.1, 9.0], D=1.0, R=1.0, c_R=1.0).round(4)
    array([0.    , 0.2929, 1.    ])
    """
    from scipy.special import erfc

    radius, end = inside(r, 0.0, R), number(R, "R", strict=True)
    near = np.maximum(radius, 1e-5 * end)  # limit at the centre, approached as r²

    def images(time: Floats) -> Floats:
        total = np.zeros(np.broadcast(radius, time).shape)
        for odd in range(1, 9, 2):
            for side in (1, -1):
                total += side * end / near * erfc(scaled(odd * end - side * near, time, D))
        return total

    def modes(time: Floats) -> Floats:
        total = np.ones(np.broadcast(radius, time).shape)
        for n in range(1, 9):
            decay = np.exp(-((n * math.pi / end) ** 2) * D * time)
            total += 2 * (-1) ** n * np.sinc(n * radius / end) * decay
        return total

    filled = _early_or_late(images, modes, times(t), D, end)
    return number(c_0, "c_0") + (number(c_R, "c_R") - c_0) * filled


def _early_or_late(
    images: Callable[[Floats], Floats],
    modes: Callable[[Floats], Floats],
    time: Floats,
    D: float,
    L: float,
) -> Floats:
    """Images before D t/L² = 0.1, modes after; a few of each reach round-off."""
    change = EARLY * L**2 / number(D, "D", strict=True)
    early = images(np.minimum(time, change))
    return np.where(time < change, early, modes(np.maximum(time, change)))
