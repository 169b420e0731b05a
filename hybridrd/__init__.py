"""hybridrd: open reaction-diffusion systems across scales."""

__version__ = "0.1.0"
