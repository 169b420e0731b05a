"""Reaction networks from SBML files and Antimony text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybridrd.arguments import named_arguments, path_of
from hybridrd.model.shell import Domain
from hybridrd.model.system import System


@named_arguments
def from_sbml(
    path: str | Path,
    *,
    domain: Domain,
    D: float | Mapping[str, float],
    radius: float | Mapping[str, float] | None = None,
    copies_per_amount: float | None = None,
    **system: Any,
) -> System:
    '''The system of an SBML file, placed in a domain.

    SBML describes a well-mixed volume. The domain replaces the file's compartment: copy
    numbers and their rates are those of the file, whatever the size of either. With V the volume
    of the domain, a rate c per pair of copies is ``k = c V``, a rate b of creation is ``k = b/V``.

    Parameters
    ----------
    path
        An SBML file of level 1 to 3, of at most 64 MiB.
    domain
        The domain, see `System`.
    D
        Diffusion coefficient of all species, or of each by its id (length²/time).
    radius
        Doi radius of all reactions of two reactants, or of each by its id (length).
    copies_per_amount
        Number of copies in one unit of substance. By default from the file: 1 for ``item``
        (and in a level 3 file without a unit), Avogadro's number for ``mole`` (and in a file
        before level 3 without a unit). Give it if the units of the file differ or do not count
        copies; its numbers are then used unchanged.
    **system
        Further fields of `System`: ``particles``, ``cells``, ``walls``, ``units``, ... An
        ``initial`` replaces the file's for the species in it.

    Notes
    -----
    Kinetic laws are mass action, sums of ``K n_A n_B``, or, without particles, functions of copy
    numbers, ``v n/(K + n)``, that become a `Reaction.rate`. They are simplified algebraically,
    with local and global parameters, sizes of compartments, function definitions,
    initial assignments and assignment rules. K may be a function of time. Each term is a one-way
    reaction, a negative term of a reversible reaction its reverse. For identical reactants both
    ``K n (n - 1)`` and its mean-field form ``K n²`` mean ``c = 2 K`` per pair, the k of `Reaction`
    (with which ``dc/dt = -k c²`` for ``2 A -> 0``); ``K n (n - 1)/2`` thus means ``c = K``.
    A binding and its dissociation, in one reaction or two, become the reversible
    reaction ``A + B <-> C``, which keeps detailed balance: otherwise partners that have just
    dissociated would meet again at once. Species that are constant, boundary conditions or
    set by an assignment rule are part of the rates; a rule that no law uses is ignored. Integer
    initial numbers are placed uniformly (`Copies`), others become concentrations.

    Raises
    ------
    ModelError
        With everything that is not supported, one line each: laws other than mass action (with the
        id of their reaction), rate rules, algebraic rules, events, delays, fast reactions, several
        compartments, compartments that change, packages that a file requires; if it is not SBML,
        or python-libsbml is missing.

    Warns
    -----
    AccuracyWarning
        Of a law of 0, which is left out; of a file before level 3 without units whose amounts,
        taken as moles, would be more than 1e12 copies; and of ``A + B <-> C`` between particles
        with a rate that depends on time, which has no detailed balance.

    Examples
    --------
    >>> import tempfile
    >>> import hybridrd as hrd
    >>> decay = """<?xml version="1.0" encoding="UTF-8"?>
    ... <sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
    ... <model substanceUnits="item" extentUnits="item"><listOfCompartments>
    ... <compartment id="cell" size="1" constant="true"/></listOfCompartments><listOfSpecies>
    ... <species id="A" compartment="cell" initialAmount="50" hasOnlySubstanceUnits="true"
    ...  boundaryCondition="false" constant="false"/></listOfSpecies><listOfReactions>
    ... <reaction id="loss" reversible="false" fast="false"><listOfReactants>
    ... <speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
    ... <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/>
    ... <cn>0.2</cn><ci>A</ci></apply></math></kineticLaw></reaction></listOfReactions>
    ... </model></sbml>"""
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "decay.xml")
    ...     _ = file.write_text(decay)
    ...     box = hrd.Box(x=(0, 10))
    ...     system = hrd.from_sbml(file, domain=box, D=1.0, particles=box)
    >>> system.reactions[0].equation, system.reactions[0].k, system.initial["A"].n
    ('A -> 0', 0.2, 50)
    '''
    from hybridrd.sbml.build import build
    from hybridrd.sbml.source import read_text

    path = path_of(path, "path")
    text = read_text(path, "an SBML file")
    return build(text, str(path), domain, D, radius, copies_per_amount, system)


@named_arguments
def from_antimony(
    source: str | Path,
    *,
    domain: Domain,
    D: float | Mapping[str, float],
    radius: float | Mapping[str, float] | None = None,
    copies_per_amount: float | None = None,
    **system: Any,
) -> System:
    """The system of a model in Antimony, placed in a domain.

    The package antimony translates it to SBML, which is then read as by `from_sbml`.

    Parameters
    ----------
    source
        Antimony text, or the path of a file. Text has a line break, a semicolon or an
        arrow; a `pathlib.Path` is always a file. If there are several models, the last is read, or
        the one marked with an asterisk; its submodels are part of it.
    domain, D, radius, copies_per_amount, **system
        As in `from_sbml`. Antimony without units counts copies.

    Notes
    -----
    A species is a concentration in Antimony unless it is declared ``substanceOnly``, in a
    compartment of size 1 unless another is given. ``A -> B`` is reversible and ``A => B`` is
    not; ``$A`` is a boundary condition.

    Raises
    ------
    ModelError
        See `from_sbml`; also if it is not Antimony, or the package antimony is missing.

    Examples
    --------
    >>> import hybridrd as hrd
    >>> box = hrd.Box(x=(0, 10))
    >>> system = hrd.from_antimony(
    ...     "binding: A + B -> C; k_on*A*B - k_off*C; k_on = 0.1; k_off = 2; A = 30; B = 20; C = 0",
    ...     domain=box, D=1.0, radius=0.2,
    ... )
    >>> system.reactions[0].equation, system.reactions[0].k, system.reactions[0].k_back
    ('A + B <-> C', 1.0, 2.0)
    """
    from hybridrd.sbml.antimony import sbml_of
    from hybridrd.sbml.build import build

    text, where = sbml_of(source)
    return build(text, where, domain, D, radius, copies_per_amount, system)
