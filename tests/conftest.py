"""Makes `flows` importable from every folder of tests."""
