"""How stages select what is due: document by document, in groups, by chemical system; all by revision."""
