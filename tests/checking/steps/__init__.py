"""Training steps as people write them, broken and repaired."""
