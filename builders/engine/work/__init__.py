"""Work units as files: what is due goes out, is computed where no database can be reached, and comes back."""
