"""The ``exfolio`` command: one thin module per command group."""
