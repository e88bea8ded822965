"""The version of exfolio that writes, for run records."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("exfolio")
except PackageNotFoundError:  # run from a checkout that was never installed
    VERSION = "not installed"
