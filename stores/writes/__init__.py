"""How documents are written: batches, notes of facets, who wrote what."""
