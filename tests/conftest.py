"""Makes `flows` importable from every folder of tests, and lets no test fail because the machine is busy."""

from hypothesis import settings

settings.register_profile("gradlint", deadline=None)
settings.load_profile("gradlint")
