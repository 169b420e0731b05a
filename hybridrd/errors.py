"""What can go wrong, as few types as users need to tell apart.

Every message names what was given, why it cannot be, and what to do, with numbers.
"""


class HybridrdError(Exception):
    """Base of all errors that hybridrd raises on purpose."""


class ModelError(HybridrdError, ValueError):
    """The description of a system cannot be: a wrong value, name, shape or combination."""


class StepError(HybridrdError, ValueError):
    """A numerical parameter (time step, layer width, cells) cannot give an accurate run."""


class CapacityError(HybridrdError, MemoryError):
    """The run needs more memory than there is."""


class ResultError(HybridrdError, ValueError):
    """A result or a file of results cannot be written, read or compared."""


class AccuracyWarning(UserWarning):
    """The run is valid, but a chosen parameter costs accuracy; the message says how much."""
