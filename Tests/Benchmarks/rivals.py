"""Other servers that Debian packages, each started privately: own directory, own ports, nothing of it left.

None of them waits for the disk before it confirms, as Martlet with durability=page-cache does not either: JetStream's
files are synced every two minutes by default, Redis writes its append-only file and leaves syncing to the kernel
(appendfsync no), and RabbitMQ's streams have no other mode.
"""

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import requests
from martlet import Martlet
from processes import PATIENCE_SECONDS, free_port, wait_for_port

STREAM = "bench"


class Rival:
    """A server of one make. As a context it runs."""

    name = protocol = ""

    def __init__(self, directory):
        self.directory = Path(directory) / self.protocol
        self.port = free_port()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        raise NotImplementedError

    def environment(self):
        return None

    def __enter__(self):
        self.directory.mkdir(parents=True)
        with open(self.directory / "output", "wb") as output:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), stdout=output, stderr=output, cwd=self.directory
            )
        try:
            self.wait_until_it_serves()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_serves(self):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with open(f"/proc/{self.pid}/net/tcp", encoding="ascii") as table:
                if f"0100007F:{self.port:04X} 00000000:0000 0A" in table.read():
                    return
            time.sleep(0.05)
        output = (self.directory / "output").read_text(errors="replace")
        raise RuntimeError(f"{self.name} does not listen on port {self.port}: {output[-2000:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @contextmanager
    def stream(self):
        """The name of the stream for one pass; the client makes it anew, which removes the one of the last pass."""
        yield STREAM

    def version(self):
        return said(self.command()[0], "--version")


class Nats(Rival):
    name, protocol = "NATS JetStream", "nats"

    def command(self):
        return ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.directory / "data")]


class Redis(Rival):
    name, protocol = "Redis streams", "redis"

    def command(self):
        listen = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        return ["redis-server", *listen, "--save", "", "--appendonly", "yes", "--appendfsync", "no"]


class Rabbit(Rival):
    name, protocol = "RabbitMQ streams", "rabbit"

    def __init__(self, directory):
        super().__init__(directory)
        self.names_port = free_port()

    def command(self):
        (server,) = Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server")
        return [str(server)]

    def environment(self):
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{free_port()}\nstream.listeners.tcp.1 = 127.0.0.1:{self.port}\n"
        )
        (self.directory / "plugins").write_text("[rabbitmq_stream].\n")
        return {
            **os.environ,
            "HOME": str(self.directory),
            "RABBITMQ_NODENAME": f"bench{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "none"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    @property
    def pid(self):
        """Its script starts Erlang as another process, and says which when it serves."""
        file = self.directory / "pid"
        return int(file.read_text()) if file.exists() else self.process.pid

    def __exit__(self, *_):
        if self.process.poll() is None and self.pid != self.process.pid:
            os.kill(self.pid, signal.SIGTERM)
        super().__exit__()
        # Erlang's name server is a process of its own, which stays.
        subprocess.run(["epmd", "-port", str(self.names_port), "-kill"], capture_output=True, check=False)

    def version(self):
        return "RabbitMQ " + said("dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server")


class OurBroker(Rival):
    """Martlet beside them, with the same client."""

    name, protocol = "Martlet", "kafka"

    def __init__(self, binary, directory):
        super().__init__(directory)
        self.martlet = Martlet(binary, Path(directory) / "martlet", **{"log.durability": "page-cache"})
        self.port, self.count = self.martlet.port, 0

    @property
    def pid(self):
        return self.martlet.pid

    def __enter__(self):
        self.martlet.start()
        return self

    def __exit__(self, *arguments):
        self.martlet.__exit__(*arguments)

    @contextmanager
    def stream(self):
        self.count += 1
        name = f"{STREAM}-{self.count}"
        with wait_for_port(self.port) as connection:
            requests.create_topic(connection, name, 1, {"file.delete.delay.ms": "0"})
        try:
            yield name
        finally:
            with wait_for_port(self.port) as connection:
                requests.delete_topic(connection, name)

    def version(self):
        return said(self.martlet.binary, "--version")


RIVALS = {rival.protocol: rival for rival in (Nats, Redis, Rabbit)}


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0][:60]
