"""Arguments of public functions: numbers, booleans, lists and paths, checked by name."""

from __future__ import annotations

import functools
import inspect
import math
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hybridrd.errors import HybridrdError, ModelError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Named = TypeVar("Named", bound=Callable[..., Any])

#: Sizes of numbers whose products, squares and cubes are numbers, too.
SMALLEST, LARGEST = 1e-100, 1e100
_SHOWN = 160  # characters of a value in a message
_NAME = 200  # bytes of a new file's name: systems stop at 255, and parts are written beside it


def shown(value: object) -> str:
    """A value for a message, shortened in its middle where it is long.

    Examples
    --------
    >>> shown(0.5), len(shown("A" * 200_000)) < 200
    ('0.5', True)
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"<{type(value).__name__}>"
    if len(text) <= _SHOWN:
        return text
    half = _SHOWN // 2
    return f"{text[:half]} ... {text[-half:]} ({len(text):,} characters)"


def number(
    value: object,
    where: str,
    minimum: float = 0.0,
    strict: bool = False,
    error: type[HybridrdError] = ModelError,
) -> float:
    """A finite real number of at least ``minimum`` (above it if ``strict``).

    A number of lower precision, such as a `numpy.float32`, is read as the shortest decimal that it
    represents. A number whose powers would overflow or underflow is refused: it must be 0, or
    between 1e-100 and 1e100 in size (if it may be negative, like a position, at most 1e100).

    Parameters
    ----------
    value
        An int, a float, a NumPy scalar, or anything else but text that float() accepts.
    where
        The argument, for the message.
    minimum, strict
        The bound, and whether it is excluded.
    error
        What is raised if it is something else, also for a boolean or a complex number.

    Examples
    --------
    >>> import numpy as np
    >>> number(np.float32(0.1), "dt")
    0.1
    """
    least = (
        "" if minimum == -math.inf else f"{'greater than' if strict else 'at least'} {minimum:g}"
    )
    wanted = f"a number {least} is needed" if least else "a number is needed"
    if isinstance(value, (bool, complex, str, bytes)) or value is None or _kind(value) not in "iuf":
        raise error(f"{where} = {shown(value)}: {wanted}")
    finite = f"it must be finite{f' and {least}' if least else ''}"
    try:
        result = float(str(value)) if precision(value) else float(value)  # type: ignore[arg-type]
    except OverflowError as problem:  # a whole number that no float holds
        raise error(f"{where}: a number of more than 300 digits; {finite}") from problem
    except Exception as problem:  # a float() of the user's may raise anything
        raise error(f"{where} = {shown(value)}: {wanted}") from problem
    if not math.isfinite(result) or result < minimum or (strict and result == minimum):
        raise error(f"{where} = {result:g}: {finite}")
    if abs(result) > LARGEST or (minimum >= 0 and 0 < result < SMALLEST):
        raise error(
            f"{where} = {result:g}: it must be between {SMALLEST:g} and {LARGEST:g}; use another "
            f"unit"
        )
    return result


def _kind(value: Any) -> str:
    """Kind of a NumPy or xarray scalar, "array" for larger arrays, "" for other values."""
    if getattr(value, "ndim", 0):
        return "array"
    return str(getattr(getattr(value, "dtype", None), "kind", ""))


def precision(value: object) -> float:
    """Relative precision of a float of fewer than 64 bits; 0 for any other number."""
    dtype: Any = getattr(value, "dtype", None)
    short = dtype is not None and dtype.kind == "f"
    return {2: 2.0**-10, 4: 2.0**-23}.get(dtype.itemsize, 0.0) if short else 0.0


def whole_number(
    value: object,
    where: str,
    least: int = 0,
    most: int | None = None,
    error: type[HybridrdError] = ModelError,
) -> int:
    """An integer from ``least`` to ``most``, given as a Python or NumPy integer."""
    wanted = f"a whole number of at least {least} is needed"
    whole = isinstance(value, int) or _kind(value) in ("i", "u")
    if isinstance(value, bool) or not whole or value < least:  # type: ignore[operator]
        raise error(f"{where} = {shown(value)}: {wanted}")
    if most is not None and value > most:  # type: ignore[operator]
        raise error(f"{where} = {shown(value)}: a whole number of at most {most} is needed")
    return int(value)  # type: ignore[call-overload, no-any-return]


def truth(value: object, where: str, error: type[HybridrdError] = ModelError) -> bool:
    """True or False, from Python or NumPy; text and numbers are refused."""
    if isinstance(value, bool) or _kind(value) == "b":
        return bool(value)
    raise error(f"{where} = {shown(value)}: it is True or False")


def choice(
    value: Any, where: str, offered: Sequence[str], error: type[HybridrdError] = ModelError
) -> str:
    """One of the words that an argument accepts."""
    if isinstance(value, str) and value in offered:
        return value
    raise error(f"{where} = {shown(value)}: it is one of {', '.join(offered)}")


def items(value: Any) -> tuple[Any, ...] | None:
    """The items of a list, a tuple, an array or a generator, in order; None for anything else.

    Text and mappings are single things, and a set has no order.

    Examples
    --------
    >>> items(s for s in "AB"), items("AB"), items({"A": 1})
    (('A', 'B'), None, None)
    """
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping, set, frozenset)):
        return None
    return tuple(value) if getattr(value, "ndim", 1) else None


def real_array(
    value: Any, where: str, error: type[HybridrdError] = ModelError
) -> NDArray[np.float64]:
    """An array of real numbers in double precision, a copy; integers are converted.

    Parameters
    ----------
    value
        Numbers of any shape.
    where
        The argument, or what a function of the user's gave, for the message.
    error
        What is raised for booleans, complex numbers, text, objects, rows that differ in
        length, and values that are masked.

    Examples
    --------
    >>> real_array([1, 2], "c")
    array([1., 2.])
    """
    import numpy as np

    wanted = "real numbers are needed"
    try:
        array = np.asarray(value)
    except Exception as problem:
        raise error(f"{where}: no array, {shown(value)}; {wanted}") from problem
    kind = array.dtype.kind
    if kind == "O" and all(isinstance(v, int) and not isinstance(v, bool) for v in array.flat):
        kind = "i"  # numbers beyond 64 bits
    if kind not in "iuf":
        what = {"b": "booleans", "c": "complex numbers", "U": "text", "S": "text"}
        given = what.get(kind, f"values of type {array.dtype}")
        raise error(f"{where}: {given}, {shown(value)}; {wanted}")
    if np.ma.is_masked(value):
        raise error(f"{where}: values that are masked; {wanted}, 0 for example")
    try:
        return array.astype(np.float64)
    except OverflowError as problem:
        raise error(f"{where}: a number of more than 300 digits; it must be finite") from problem


def path_of(value: object, where: str, error: type[HybridrdError] = ModelError) -> Path:
    """The path that an argument names, one that the file system allows.

    Parameters
    ----------
    value
        Text or a `pathlib.Path`.
    where
        The argument, for the message.
    error
        What is raised if it is something else, too long, or cannot be reached.

    Examples
    --------
    >>> path_of("run.zarr", "out").suffix
    '.zarr'
    """
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise error(
            f"{where} = {shown(value)}: the name of a file or directory is needed, as text or a "
            f"pathlib.Path"
        )
    path = Path(text)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as problem:
        size = len(os.fsencode(path.name))
        if size > _NAME:
            raise error(
                f"{where} = {shown(text)}: a name of {size} bytes; use at most {_NAME}"
            ) from problem
    except (OSError, UnicodeEncodeError) as problem:
        why = getattr(problem, "strerror", None) or "it has letters that no file name has"
        long = f" ({len(text):,} characters)" if len(text) > _NAME else ""
        raise error(f"{where} = {shown(text)}: {why}{long}; choose another name") from problem
    return path


def check_file(
    path: Path, most: int | None = None, error: type[HybridrdError] = ModelError
) -> None:
    """Refuse what is not a regular file, or larger than ``most`` bytes.

    A device or a FIFO would be read for ever. A file that is not there is left to the reader.
    """
    try:
        found = os.stat(path)
    except OSError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise error(f"{path}: is a directory; give a file")
    if not stat.S_ISREG(found.st_mode):
        raise error(f"{path}: is a device or a pipe, not a file")
    if most is not None and found.st_size > most:
        raise error(f"{path}: {found.st_size:,} bytes; at most {most:,} are read")


def answer(function: Callable[..., Any], where: str, *given: Any) -> Any:
    """The result of a user's function; its exceptions get the name of the argument.

    Raises
    ------
    ModelError
        From whatever it raises, but for the errors of this package and a lack of memory, which
        remain what they are and get a note.
    """
    try:
        return function(*given)
    except (HybridrdError, MemoryError) as error:
        error.add_note(f"raised by {where}")
        raise
    except Exception as error:
        raise ModelError(f"{where} failed: {type(error).__name__}: {error}") from error


# Names that users look for, and the page that says what there is instead.
_PAGES = {
    **dict.fromkeys(("cmap", "norm", "figsize"), "docs/pictures.md"),
    **dict.fromkeys(
        ("drift", "force", "velocity", "potential"),
        "docs/forces.md: Species has potential= and velocity=",
    ),
    **dict.fromkeys(
        ("boundary", "boundary_conditions", "bc"), "docs/coming-from.md: System has walls="
    ),
    "noise": "docs/choosing.md: System has fluctuations=",
    "membrane": "docs/reservoirs.md: System has walls={...: Leaky(...)}",
    **dict.fromkeys(("crowding", "membranes", "orientation"), "docs/not.md"),
    **dict.fromkeys(("n_jobs", "n_workers", "processes"), "docs/clusters.md: there is workers="),
    "resume": "docs/survive.md: checkpoint= saves a run, and restore continues it",
}


def named_arguments(function: Named) -> Named:
    """A function or class that refuses wrong arguments with a UsageError listing valid ones.

    Examples
    --------
    >>> @named_arguments
    ... def save(dataset, path, overwrite=False): ...
    >>> save(1, "a", overwrit=True)
    Traceback (most recent call last):
    ...
    hybridrd.errors.UsageError: save: there is no argument overwrit, did you mean overwrite?; its \
arguments are dataset, path, overwrite
    """
    if isinstance(function, type):
        function.__init__ = _naming(function.__init__, function.__name__)  # type: ignore[misc]
        return function
    return _naming(function, function.__name__)  # type: ignore[return-value]


def _naming(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*given: Any, **by_name: Any) -> Any:
        try:
            return function(*given, **by_name)
        except TypeError as error:
            problem = None if isinstance(error, UsageError) else _misfit(function, given, by_name)
            if problem is None:
                raise
            raise UsageError(f"{name}: {problem}") from None

    return call


def _misfit(
    function: Callable[..., Any], given: tuple[Any, ...], by_name: Mapping[str, Any]
) -> str | None:
    """The reason why arguments do not fit a function; None if they do."""
    signature = inspect.signature(function)
    try:
        signature.bind(*given, **by_name)
    except TypeError as error:
        names = [n for n in signature.parameters if n not in ("self", "cls")]
        there = f"its arguments are {', '.join(names)}" if names else "it takes no arguments"
        unknown = [n for n in by_name if n not in signature.parameters]
        if not unknown:
            return f"{error}; {there}"
        near = get_close_matches(unknown[0], names, 1)
        hint = f", did you mean {near[0]}?" if near else ""
        page = f"; see {_PAGES[unknown[0]]}" if unknown[0] in _PAGES else ""
        return f"there is no argument {', '.join(map(shown_name, unknown))}{hint}; {there}{page}"
    return None


def shown_name(name: str) -> str:
    """A name without quotes, shortened where it is long."""
    return shown(name)[1:-1] if len(name) <= _SHOWN else shown(name)
