"""Whether an arrangement of atoms could be a crystal: one rule, learnt from real ones, with its reasons by name."""
