"""The potentials there are, each behind the one interface, alone or as a sum with dispersion and corrections."""
