"""What runs: campaigns, refreshes, training, the schedule, and how they stand."""
