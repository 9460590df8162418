"""What a process costs, as the kernel counts it, and the conditions under which it is measured."""

import os
import socket
import time
from pathlib import Path

# For a machine that does much else at the same time: a figure that is bad says more than none.
PATIENCE_SECONDS = 300


def cpu_seconds(pid):
    """The CPU time of all threads the process has or had, user and system, to the nanosecond."""
    # The clock of another process: clock_getcpuclockid(3) computes it like this.
    return time.clock_gettime((~pid << 3) | 2)


def thread_seconds(pid, thread):
    """The CPU time of one thread, user and system."""
    nanoseconds = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text(encoding="ascii").split()[0]
    return int(nanoseconds) / 1e9


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no VmRSS")


def warm_up(directory, size):
    """Writes and removes a file of the size that is about to be written.

    Memory that a virtual machine has given back to its host is several times slower to write at first; whoever is
    measured first would pay for it.
    """
    path = Path(directory) / "warm-up"
    block = b"\0" * (1 << 20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(0, size, len(block)):
            file.write(block)
    path.unlink()
    os.sync()


def wait_until_calm(pids, patience, idle_milliseconds=10):
    """Waits until the processes use next to nothing in a second, for so many seconds at most: brokers go on in the
    background after something was made or written."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        before = [cpu_seconds(pid) for pid in pids]
        time.sleep(1)
        used = [cpu_seconds(pid) - start for pid, start in zip(pids, before, strict=True)]
        if max(used) * 1e3 <= idle_milliseconds:
            return


def wait_for_port(port):
    """Connects to the port as soon as it is open."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.0003)


def wait_for_address(address):
    """Connects to HOST:PORT, which is waited for on this machine."""
    host, port = address.rsplit(":", 1)
    if host == "127.0.0.1":
        return wait_for_port(int(port))
    return socket.create_connection((host, int(port)), PATIENCE_SECONDS)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def memory_bytes(pid):
    """What the kernel tells of a process's memory, by its names: VmRSS, RssAnon, VmHWM and so on."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
