"""What fills the registry: the server, sources, VASP results, ions."""
