"""A limit on the memory of a process and of the page cache that it fills, as a container has one."""

import os
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# Names of the files: of the limit, of the most that was used, and of what tells how often somebody was killed.
V1 = ("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control")
V2 = ("memory.max", "memory.peak", "memory.events")


class MemoryCap:
    """A control group of its own, where the system lets us make one; see `why_not`."""

    def __init__(self, limit):
        self.limit = limit
        is_v2 = (ROOT / "cgroup.controllers").exists()
        self.names = V2 if is_v2 else V1
        self.path = (ROOT if is_v2 else ROOT / "memory") / f"martlet-bench-{os.getpid()}"
        self.kind = "cgroup v2, memory.max" if is_v2 else "cgroup v1, memory.limit_in_bytes"
        self.why_not = ""

    def __enter__(self):
        try:
            self.path.mkdir()
            (self.path / self.names[0]).write_text(str(self.limit), encoding="ascii")
        except OSError as error:
            self.why_not = f"{self.kind}: {error}"
        return self

    def __exit__(self, *_):
        if self.path.exists():
            self.path.rmdir()

    def add(self, pid):
        """Puts a process with all its threads under the limit."""
        (self.path / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def peak(self):
        return int((self.path / self.names[1]).read_text(encoding="ascii"))

    def kills(self):
        """How many processes were killed for want of memory."""
        lines = (self.path / self.names[2]).read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
