"""What every test can rely on."""

import os

from hypothesis import HealthCheck, settings

# One machine runs everything at once: a slow example is no failure, and a failure must come again.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# Locally every run looks at new examples.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite" if os.environ.get("CI") else "explore")
