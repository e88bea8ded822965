"""What sets of generated crystals are worth, by the measures of the field; knows numbers and formulas, no database."""
