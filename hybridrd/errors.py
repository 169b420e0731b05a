"""Errors and warnings, as few types as users need to tell apart.

Every message says what was given, why it is refused, and what to do, with numbers.
"""

_LINE, _LINES = 1000, 200  # characters of a line, lines of a message


class HybridrdError(Exception):
    """Base of all errors that hybridrd raises on purpose.

    Long lines are shortened in the middle, so that a message stays readable whatever it quotes.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(_short(a) if isinstance(a, str) else a for a in args))


class ModelError(HybridrdError, ValueError):
    """The description of a system is invalid: a wrong value, name, shape or combination."""


class UsageError(ModelError, TypeError):
    """A wrong call: an argument that does not exist, or a change of something frozen."""


class StepError(HybridrdError, ValueError):
    """A numerical parameter (time step, layer width, cells) does not allow an accurate run."""


class CapacityError(HybridrdError, MemoryError):
    """The run needs more memory, or more addresses of random numbers, than are available."""


class ResultError(HybridrdError, ValueError):
    """A result or a file of results cannot be written, read or compared."""


class AccuracyWarning(UserWarning):
    """The run is valid, but a chosen parameter costs accuracy; the message says how much."""


def _short(message: str) -> str:
    lines = message.split("\n")
    more = len(lines) - _LINES
    if more > 1:
        lines = [*lines[:_LINES], f"and {more:,} more"]
    half = _LINE // 2 - 20
    return "\n".join(
        f"{line[:half]} ... ({len(line):,} characters) ... {line[-half:]}"
        if len(line) > _LINE
        else line
        for line in lines
    )
