"""The machinery of convex hulls: rows of atomic fractions, competing phases, cheapest mixtures."""
