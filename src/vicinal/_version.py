"""The version of the package; `vicinal.__version__` is this one."""

__version__ = "0.2.0"
