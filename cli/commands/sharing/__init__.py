"""What leaves the registry: files, reports, releases, pages."""
