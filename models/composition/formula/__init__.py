"""Formulas as text and as arrays: parsing, chemical systems, stoichiometry, what is known of similar ones."""
