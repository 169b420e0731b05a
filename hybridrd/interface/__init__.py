"""Interface schemes between particles and a reservoir: frozen descriptions, and their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from hybridrd.errors import ModelError
from hybridrd.interface.base import Context, FaceNumbers, InterfaceScheme
from hybridrd.interface.calibrated import CalibratedLayer
from hybridrd.interface.calibration import calibrated_rate, largest_alpha, smallest_width
from hybridrd.interface.delta import delta_eps, delta_prime_eps, rate_in, rate_out
from hybridrd.interface.exact import ExactPlane
from hybridrd.interface.layer import Layer
from hybridrd.interface.operator import bridge_offset, crossing_offset, layer_offset
from hybridrd.interface.published import Published

__all__ = [
    "SCHEMES",
    "CalibratedLayer",
    "Context",
    "ExactPlane",
    "FaceNumbers",
    "InterfaceScheme",
    "Layer",
    "Published",
    "bridge_offset",
    "calibrated_rate",
    "crossing_offset",
    "default_scheme",
    "delta_eps",
    "delta_prime_eps",
    "largest_alpha",
    "layer_offset",
    "rate_in",
    "rate_out",
    "scheme_from_dict",
    "smallest_width",
]

#: Every scheme by its name in TOML files.
SCHEMES: dict[str, type[InterfaceScheme]] = {
    Layer.name: Layer,
    CalibratedLayer.name: CalibratedLayer,
    ExactPlane.name: ExactPlane,
    Published.name: Published,
}


def default_scheme(context: Context) -> InterfaceScheme:
    """The default scheme of a face, without first-order bias in any geometry.

    Parameters
    ----------
    context
        ``"mean-field"``: `Layer`, read at its offset. ``"two-way"`` and ``"cells"``:
        `CalibratedLayer`, one cell wide, c_R the value of the first cell. ``"wall"``:
        `CalibratedLayer`, c_R at the wall.

    Raises
    ------
    ModelError
        Another context.

    Examples
    --------
    >>> default_scheme("wall")
    CalibratedLayer(width=None, offset=None)
    """
    if context not in get_args(Context):
        raise ModelError(f"context {context!r}: use one of {', '.join(get_args(Context))}")
    return Layer() if context == "mean-field" else CalibratedLayer()


def scheme_from_dict(given: Mapping[str, Any]) -> InterfaceScheme:
    """The scheme that a TOML table describes, ``{ scheme = "layer", width = 0.05 }``.

    Parameters
    ----------
    given
        ``scheme``, one of `SCHEMES`, and that scheme's options.

    Raises
    ------
    ModelError
        No scheme, an unknown one, or an option or value that it doesn't have.

    Examples
    --------
    >>> scheme_from_dict({"scheme": "layer", "width": 0.05})
    Layer(width=0.05)
    """
    name = given.get("scheme")
    if not isinstance(name, str) or name not in SCHEMES:
        raise ModelError(f"interface scheme {name!r}: use scheme = one of {', '.join(SCHEMES)}")
    return SCHEMES[name].from_dict(given)
