"""Martlet as a process, started and stopped by a benchmark."""

import os
import subprocess
import time
from pathlib import Path

import requests
from processes import PATIENCE_SECONDS, free_port, wait_for_port


class Martlet:
    """One broker with a data directory of its own. As a context it is ended at the latest when the context ends."""

    def __init__(self, binary, data, environment=None, **settings):
        """`environment` is what its environment has beyond ours."""
        self.binary, self.data = binary, Path(data)
        self.port = free_port()
        self.environment = {**os.environ, **(environment or {})}
        self.settings = settings
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        """Starts it and returns the seconds from there to its first answer to a Metadata request."""
        command = [self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={value}"]
        start = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment
        )
        with wait_for_port(self.port) as connection:
            requests.metadata(connection)
        return time.monotonic() - start

    def stop(self):
        """Has it end in order and returns the seconds that took."""
        start = time.monotonic()
        self.process.terminate()
        if self.process.wait(PATIENCE_SECONDS) != 0:
            raise RuntimeError(f"the broker ended with status {self.process.returncode}")
        return time.monotonic() - start

    def kill(self):
        """Ends it as a crash does, with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
