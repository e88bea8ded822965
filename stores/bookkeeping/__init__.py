"""What jobs keep about themselves, runs, leases, stage states, failures, quarantine, revisions, and how they stand."""
