"""Which atoms of a crystal are bonded, and whether they make layers."""
