"""One module per command, in rooms by what a person wants: fill the registry, run, ask, share."""
