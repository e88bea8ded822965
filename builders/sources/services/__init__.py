"""Services on the web that hold known materials."""
