"""Trained models that come with the package, each with its card: for those who have not trained yet."""
