"""Opening and reading files of whatever form, with guards against damaged and hostile ones."""
