"""The broker as a process: started from the release binary, watched, and stopped in every way there is."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("MARTLET_BINARY", ROOT / ".build/release/martlet"))
START_SECONDS = 20
STOP_SECONDS = 20
# What a process says that died of its own invariants or of the runtime's.
TRAPS = ("Fatal error", "invariant", "I9:", "*** Signal", "AddressSanitizer")


class BrokerDied(AssertionError):
    """The broker ended when it should not have, or would not start."""


class Broker:
    """One broker on a data directory and a port of its own; owned by the test that started it."""

    def __init__(self, data, *arguments, settings=None, environment=None, under=()):
        """`under` is a command that runs the broker as its child, such as strace."""
        self.data = Path(data)
        self.arguments = list(arguments)
        self.settings = dict(settings or {})
        self.environment = dict(environment or {})
        self.under = list(under)
        self.host = "127.0.0.1"
        self.port = 0
        self.process = None
        self.ready_line = None
        self.output = []

    @property
    def bootstrap(self):
        return f"{self.host}:{self.port}"

    @property
    def address(self):
        return (self.host, self.port)

    @property
    def pid(self):
        if not self.under:
            return self.process.pid
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])

    @property
    def log(self):
        """Everything it has said so far, over all its starts."""
        return "".join(self.output)

    def wait_for_log(self, words, seconds=10):
        """Waits until it has said so: its lines arrive a moment after its answers."""
        for _ in range(seconds * 100):
            if words in self.log:
                return
            time.sleep(0.01)
        raise AssertionError(f"it did not say '{words}' but:\n{self.log[-4000:]}")

    def command(self, port=None):
        listen = f"{self.host}:{self.port if port is None else port}"
        command = [str(BINARY), "serve", "--data", str(self.data), "--listen", listen]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={value}"]
        return self.under + command + self.arguments

    def start(self):
        """Starts it, on the port it had before if there was one, and waits for its ready line."""
        ready = threading.Event()
        self.ready_line = None
        self.process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **self.environment},
        )
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout, ready), daemon=True)
        self._reader.start()
        if not ready.wait(START_SECONDS) or self.ready_line is None:
            status = self.process.poll()
            self.process.kill()
            self.process.wait()
            raise BrokerDied(f"no ready line, exit status {status}, it said:\n{self.log}")
        return self

    def _read(self, stream, ready):
        for line in stream:
            self.output.append(line)
            if self.ready_line is None and "ready" in line.lower():
                address = re.search(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]|localhost):(\d+)", line)
                if address:
                    self.port = int(address.group(2))
                    self.ready_line = line.strip()
                    ready.set()
        ready.set()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def assert_running(self):
        if not self.is_running():
            raise BrokerDied(f"exit status {self.process.poll()}, it said:\n{self.log[-4000:]}")

    def stop(self):
        """Asks it to stop and expects a clean end."""
        if self.process is None:
            return
        self.assert_running()
        os.kill(self.pid, signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise BrokerDied(f"did not stop within {STOP_SECONDS} s of SIGTERM, it said:\n{self.log[-4000:]}") from None
        self._end()
        assert status == 0, f"exit status {status} after SIGTERM, it said:\n{self.log[-4000:]}"
        for trap in TRAPS:
            assert trap not in self.log, f"it said '{trap}':\n{self.log[-4000:]}"

    def kill9(self):
        """Ends it at once, as a crash does."""
        self.process.kill()
        self.process.wait()
        self._end()

    def _end(self):
        self._reader.join()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def discard(self):
        """Ends it in whatever state it is, for the end of a test that failed."""
        if self.process is not None:
            if self.is_running():
                self.process.kill()
            self.process.wait()
            self._end()

    def resident_bytes(self):
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def run_martlet(*arguments, timeout=60, stdin=None, environment=None):
    """Runs the command line to its end: a CompletedProcess with bytes."""
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        input=stdin if stdin is not None else b"",
        capture_output=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
        check=False,
    )
