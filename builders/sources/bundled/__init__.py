"""What comes with exfolio or with pymatgen: well-known compounds, monolayers that have been made, prototypes."""
