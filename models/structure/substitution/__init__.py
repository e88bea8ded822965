"""Elements in the place of others: what that costs, how likely it is, and where it makes no sense."""
