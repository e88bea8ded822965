"""What commands show of the registry: documents, values and models, as lines and tables."""
