"""What OPTIMADE has no word for, as JSON: any collection, verdicts, funnels, where things come from, how it stands."""
