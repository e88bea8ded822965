"""What all stages share: selection by revision, batches, leases, the runner. Knows no stage and no science."""
