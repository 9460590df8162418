"""The system calls of a running process, counted by strace."""

import contextlib
import signal
import subprocess


class Syscalls:
    """Counts while the context is open; `counts` then says how many of each kind there were."""

    def __init__(self, pid):
        self.pid = pid
        self.counts = {}

    def __enter__(self):
        command = ["strace", "-f", "-c", "-p", str(self.pid)]
        self.strace = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.strace.stderr.readline()
        if "attached" not in line:
            self.strace.kill()
            raise RuntimeError(f"strace cannot watch the broker: {line.strip()}")
        return self

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        output = self.strace.communicate()[1]
        for line in output.splitlines():
            # "% time  seconds  usecs/call  calls  [errors]  syscall"
            fields = line.split()
            with contextlib.suppress(ValueError, IndexError):
                float(fields[0])
                if fields[-1] != "total":
                    self.counts[fields[-1]] = int(fields[3])
