"""What jobs keep about themselves: runs, leases, stage states, failures, quarantine, revisions."""
