"""Who is sent the workloads: Martlet, any broker that already runs, and loops in C that answer librdkafka."""

import shutil
import subprocess
from contextlib import contextmanager

import requests
from processes import free_port, wait_for_address


class BrokerSide:
    """A broker: each pass has a topic of its own, which is deleted after it."""

    def __init__(self, name, address, pid, configs_by_durability=None):
        self.name, self.address, self.pid = name, address, pid
        self.configs_by_durability = configs_by_durability or {}
        self.count = 0

    @contextmanager
    def topic(self, partitions, durability="page-cache"):
        """(process id, address, topic) for one pass."""
        self.count += 1
        topic = f"bench-{self.pid}-{self.count}"
        # Segments of the usual size, and files that go with their topic.
        configs = {"file.delete.delay.ms": "0", **self.configs_by_durability.get(durability, {})}
        with wait_for_address(self.address) as connection:
            requests.create_topic(connection, topic, partitions, configs)
        try:
            yield self.pid, self.address, topic
        finally:
            with wait_for_address(self.address) as connection:
                requests.delete_topic(connection, topic)


def martlet_side(martlet):
    """Martlet with page-cache durability for all topics but those that want to wait for the disk."""
    configs = {"page-cache": {"durability": "page-cache"}, "fsync": {"durability": "fsync"}}
    return BrokerSide("Martlet", f"127.0.0.1:{martlet.port}", martlet.pid, configs)


class LoopSide:
    """The loops in C (bound.c), started anew for each pass."""

    def __init__(self, tools, directory, name="C loop", word=None):
        self.tools, self.directory, self.name, self.words = tools, directory, name, [word] if word else []

    @contextmanager
    def topic(self, partitions, durability="page-cache"):
        directory, port = self.directory / "loop", free_port()
        directory.mkdir()
        command = [self.tools / "bound", str(port), directory, str(partitions), *self.words]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as loop:
            try:
                loop.stdout.readline()
                yield loop.pid, f"127.0.0.1:{port}", "bench"
            finally:
                loop.kill()
                shutil.rmtree(directory)
