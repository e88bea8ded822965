"""What routes and models are worth, by the measures of the field, counted in what the registry holds."""
