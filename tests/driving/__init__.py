"""Real programs that tests drive: a headless Chromium, and a JupyterLab to show in it."""

import os

import pytest

from hwlib.report.pdf import find_chromium

# `make test-browser` sets HW_REQUIRE_BROWSER: then a machine without a browser fails, and does not skip.
needs_browser = pytest.mark.skipif(
    find_chromium() is None and not os.environ.get("HW_REQUIRE_BROWSER"),
    reason="no Chromium on this machine (Debian: apt install chromium, or set HW_CHROMIUM)",
)
