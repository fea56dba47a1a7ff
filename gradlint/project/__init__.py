"""What concerns a whole project: configuration, targets, changes, baseline, cache, and processes."""
