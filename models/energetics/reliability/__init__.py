"""What may be believed of an energy: intervals from measured errors, what no phase has, what is known beside it."""
