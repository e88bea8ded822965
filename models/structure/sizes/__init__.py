"""How large crystals are: ions and their radii, the volume a composition takes, the size relatives suggest."""
