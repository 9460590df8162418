"""How a load generator in C is run, and what its server spends meanwhile; see measuring.h."""

import json
import subprocess
import tempfile

from processes import PATIENCE_SECONDS, cpu_seconds

# Of a pass's records, sent more than a millisecond late by the client itself: with more, the machine was busy.
MOST_LATE = 0.01


def run_load(command, pid=None):
    """The generator's figures, and with a server's process id the CPU seconds that it spent, as `cpu`.

    The generator says when it has warmed up and waits for a word, so that nothing but the measured work is counted.
    """
    command = [str(word) for word in command]
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process,
    ):
        try:
            is_ready = process.stdout.readline().strip() == "ready"
            before = cpu_seconds(pid) if pid else 0
            if is_ready:
                process.stdin.write("go\n")
                process.stdin.flush()
            line = process.stdout.readline()
            after = cpu_seconds(pid) if pid else 0
            status = process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        if status or not line:
            complaints.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {complaints.read().strip() or f'status {status}'}")
    return {**json.loads(line), "cpu": after - before}


def calm(passes):
    """The passes of latency in which the machine let the client send in time; all of them if there is no such pass.

    What a server does has no part in when the client wakes up, but whatever else the machine is busy with has: it
    delays the one as well as the other, and the tail says nothing then.
    """
    return [one for one in passes if one["sent_late"] <= MOST_LATE * one["records"]] or passes
