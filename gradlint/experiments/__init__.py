"""Experiments: a proposed cause is tested on the model itself before anybody speaks of it."""
