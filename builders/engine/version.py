"""The version of exfolio that writes, for run records: that of the code, whatever was installed when."""

from ... import __version__ as VERSION  # noqa: N812 - a constant to its users

__all__ = ["VERSION"]
