"""Values of structures: hulls, exfoliation, Pourbaix, gaps, and those of a potential."""
