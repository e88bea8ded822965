"""Phase and Pourbaix diagrams as figures."""
