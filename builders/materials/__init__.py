"""What follows for known materials: layering, duplicates, preferred values, the library of templates."""
