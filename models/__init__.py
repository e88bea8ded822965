"""The science: pure functions on arrays, formulas and structures; knows no database, file layout or command line."""
