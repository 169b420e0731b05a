"""Messages for the mistakes that pydantic found in a file, one line each, with the key."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from hybridrd.toml.schema import COUPLINGS, FLUCTUATIONS, METHODS, TABLES, WALLS, WallName
from hybridrd.toml.schema_initial import CONTENTS, closest

Place = tuple[int | str, ...]

_BOUNDS = {
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
}
_KINDS = {
    "float_type": "a number is needed",
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "string_type": "text is needed",
    "bool_type": "true or false is needed",
    "finite_number": "it must be finite",
    "list_type": "a list is needed",
    "dict_type": "a table is needed",
    "model_type": "a table is needed",
    "model_attributes_type": "a table is needed",
}
# Values that are allowed at a key, where not only a number is.
_ALTERNATIVES = {
    "initial": f"a number, a table with one of {', '.join(CONTENTS)}, or a list of them",
    "particles": 'a table like domain, { x = [0, 5] }, or "domain" for all of it',
    "fluctuations": "discrete, gaussian, true or false",
    "interface": 'a table, { scheme = "layer" }',
    "walls": f"{', '.join(WALLS)}, or a table with reservoir, influx, leaky, "
    "absorbing or partially-absorbing",
}
# Hints at the keys of the other kind of region.
_OTHER_REGION = {
    "<box>": " (for a shell: inner, outer)",
    "<shell>": ", as in { inner = 1.0, outer = 6.0 } (for a box: x, y, z)",
}


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Parameters
    ----------
    path
        Its path of keys, ``("species", 0, "D")``.
    kind
        Its type in pydantic.
    guess
        The key that was probably meant, for an unknown key.
    text
        One line: the key, the value, and what is allowed.
    """

    path: Place
    kind: str
    guess: str | None
    text: str


def mistakes(error: ValidationError) -> list[Mistake]:
    """All mistakes that pydantic found."""
    found = error.errors(include_url=False)
    guesses = {e["loc"]: _guess(e["loc"]) for e in found if e["type"] == "extra_forbidden"}
    meant = {(*loc[:-1], guess) for loc, guess in guesses.items()}
    # Of a number or a formula both are missing: it is not a number, and why not a formula.
    formulas = {e["loc"][:-1] for e in found if str(e["loc"][-1]).startswith("function-")}
    regions = {loc[:-1] for loc in guesses if len(loc) > 1 and loc[-2] in _OTHER_REGION}
    return [
        Mistake(_path(e["loc"]), e["type"], guesses.get(e["loc"]), _line(e))
        for e in found
        # A misspelt key is one mistake; the missing correct key is not another.
        if not (e["loc"][-1:] == ("float",) and e["loc"][:-1] in formulas)
        and not (e["type"] == "missing" and (e["loc"] in meant or e["loc"][:-1] in regions))
    ]


def _path(loc: Place) -> Place:
    """A path of keys without the tags of pydantic, which are in brackets."""
    tags = ("<", "function-")
    return tuple(p for p in loc if isinstance(p, int) or not (p.startswith(tags) or p == "[key]"))


def place(path: Place) -> str:
    """A key in the file, ``species[0].initial[1].x``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def _line(error: Any) -> str:
    loc, kind, given = error["loc"], error["type"], error["input"]
    context = error.get("ctx", {})
    where = place(_path(loc))
    if kind == "missing":
        return f"{where}: missing"
    if kind == "extra_forbidden":
        known = ", ".join(_keys(loc))
        other = _OTHER_REGION.get(str(loc[-2]), "") if len(loc) > 1 else ""
        return f"{where}: unknown{_hint(_guess(loc))}; the keys here are {known}{other}"
    if loc[-1] == "[key]":
        names = get_args(WallName)
        return (
            f"{where}: unknown{_hint(closest(str(given), names))}; the walls are {', '.join(names)}"
        )
    if kind == "value_error":
        reason = str(context["error"])
        listed = isinstance(given, (list, str, int, float))
        return f"{where} = {_show(given)}: {reason}" if listed else f"{where}: {reason}"
    shown = f"{where} = {_show(given)}"
    if kind in _BOUNDS:
        return f"{shown}: it must be {_BOUNDS[kind].format(**context)}"
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        count = f"at least {least}" if most is None else f"at most {most}"
        return f"{shown}: {context['actual_length']} entries, {count} needed"
    if kind == "literal_error" or (kind in _KINDS and _alternative(loc)):
        allowed = _alternative(loc) or ", ".join(_words(loc))
        guess = closest(given, _words(loc)) if isinstance(given, str) else None
        return f"{shown}: {f'did you mean {guess}? ' if guess else ''}give {allowed}"
    reason = _KINDS.get(kind, error["msg"])
    if kind == "float_type" and isinstance(given, str):
        reason += ", without quotes"
    return f"{shown}: {reason}"


def _alternative(loc: Place) -> str | None:
    """Forms that are allowed at a key with several."""
    words = [p for p in loc if isinstance(p, str) and not p.startswith("<")]
    if len(loc) > 2 and loc[0] == "species" and words[-1] == "initial":
        return _ALTERNATIVES["initial"]
    if loc[:2] == ("system", "walls"):
        return _ALTERNATIVES["walls"] if len(words) == 3 else None
    return _ALTERNATIVES.get(words[-1]) if words and loc[0] == "system" else None


def _words(loc: Place) -> tuple[str, ...]:
    """Words that are allowed at a key."""
    if "walls" in loc:
        return tuple(WALLS)
    if "fluctuations" in loc:
        return FLUCTUATIONS
    if "method" in loc:
        return METHODS
    return ("domain",) if "particles" in loc else COUPLINGS


def _keys(loc: Place) -> list[str]:
    """The keys of the table that has an unknown key."""
    words = [p for p in loc[:-1] if isinstance(p, str)]
    named = words[-2:-1] in (["leaky"], ["planes"])  # tables with names chosen by the user
    fields = TABLES[words[-2 if named else -1] if words else ""].model_fields
    return [field.alias or name for name, field in fields.items()]


def _guess(loc: Place) -> str | None:
    return closest(str(loc[-1]), _keys(loc))


def _hint(guess: str | None) -> str:
    return f", did you mean {guess}?" if guess else ""


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return reprlib.repr(value)
