"""Theory that a correct simulation must reproduce.

`cdme` solves the chemical diffusion master equation of a small system, `moments` its mean and
covariance equations; `metastable` reduces a system to the sets that copies rarely leave;
`fluctuations` has the variances of two-way coupling; `doi`, `smoluchowski`
and `diffusion` hold closed forms. Each loads on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybridrd.theory import cdme as cdme
    from hybridrd.theory import diffusion as diffusion
    from hybridrd.theory import doi as doi
    from hybridrd.theory import fluctuations as fluctuations
    from hybridrd.theory import metastable as metastable
    from hybridrd.theory import moments as moments
    from hybridrd.theory import smoluchowski as smoluchowski

__all__ = ["cdme", "diffusion", "doi", "fluctuations", "metastable", "moments", "smoluchowski"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hybridrd.theory' has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"hybridrd.theory.{name}")


def __dir__() -> list[str]:
    return __all__
