"""The demonstration that the README shows."""

import subprocess
import sys
from pathlib import Path


def test_the_demo_finds_no_difference():
    demo = Path(__file__).with_name("demo.py")
    done = subprocess.run([sys.executable, str(demo)], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything that was consumed is what was produced." in done.stdout
