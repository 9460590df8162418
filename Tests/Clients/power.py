"""Cuts the power of the broker's disk again and again under producers and readers, and proves what was promised.

Usage: python power.py CUTS [SEED]

The broker's data lie on an ext4 file system of their own, which is shut down by ioctl: what was not synced is gone.
Then the broker is killed, the disk is mounted again and the broker is started. Producers are those of crash.py. In the
end:

  - each message acknowledged with acks=all, idempotent or not, is at the offset that it was acknowledged with;
  - with acks=1 messages may be missing, but those that are there are in the order they were sent;
  - whatever a reader once saw at an offset, of any topic, is still there;
  - after a clean stop `martlet log verify` finds nothing.

Where the machine does not allow that, it says why and succeeds.
"""

import random
import sys
import time

import confluent_kafka

from crash import KINDS, Reader, Writer, check, compare, create_topics, number_of, read_all
from harness.broker import Broker, run_martlet
from harness.loop_disk import LoopDisk, why_impossible

DISK_MEGABYTES = 512
CUTS_PER_ROUND = 10
LONGEST_LIFE_SECONDS = 1.5


class ForgetfulWriter(Writer):
    """With acks=1 a power cut may take what was acknowledged, and others get the offsets."""

    def delivered(self, error, message):
        if error is not None:
            self.failures.append(f"{error}")
            return
        acknowledged = self.acknowledged[message.partition()]
        acknowledged[message.offset()] = number_of(message)


def check_order(writer, found):
    check(not writer.failures, f"{writer.topic}: {writer.failures[:3]}")
    for partition in range(len(writer.sent)):
        firsts = list(dict.fromkeys(found[writer.topic, partition]))
        check(firsts == sorted(firsts), f"{writer.topic}-{partition}: messages are not in the order they were sent")


def run_round(cuts, seed, disk):
    """Returns how many messages were acknowledged, and the slowest start in seconds."""
    rng = random.Random(seed)
    broker = Broker(disk.path / "data").start()
    slowest = 0.0
    try:
        create_topics(broker.bootstrap, KINDS, rng)
        forgetful = ForgetfulWriter(broker.bootstrap, "acks-1", KINDS["acks-1"], random.Random(rng.random()))
        lasting = [
            Writer(broker.bootstrap, topic, KINDS[topic], random.Random(rng.random()))
            for topic in ("acks-all", "idempotent")
        ]
        reader = Reader(broker.bootstrap, KINDS)
        threads = [forgetful, *lasting, reader]
        for thread in threads:
            thread.start()
        for _ in range(cuts):
            time.sleep(rng.uniform(0.1, LONGEST_LIFE_SECONDS))
            broker.assert_running()
            # In this order: a process that ended first would have had its files closed in peace.
            disk.cut_power()
            time.sleep(rng.choice([0, 0, 0.05]))
            broker.kill9()
            disk.unmount()
            disk.mount()
            start = time.monotonic()
            broker.start()
            slowest = max(slowest, time.monotonic() - start)
        for thread in threads:
            thread.stopping.set()
        for thread in threads:
            thread.join()
        for _ in range(2):
            found = read_all(broker.bootstrap, KINDS)
            compare(lasting, reader, found)
            check_order(forgetful, found)
            broker.restart()
        broker.stop()
    finally:
        broker.discard()
    verified = run_martlet("log", "verify", broker.data, "--records", timeout=600)
    check(verified.returncode == 0, f"log verify: {(verified.stdout + verified.stderr).decode(errors='replace')}")
    return sum(len(one) for writer in lasting for one in writer.acknowledged), slowest


def main(cuts, seed):
    reason = why_impossible()
    if reason:
        print(f"skipped: {reason}")
        return 0
    print(f"seed {seed}", flush=True)
    start = time.monotonic()
    done = acknowledged = 0
    slowest = 0.0
    while done < cuts:
        count = min(cuts - done, CUTS_PER_ROUND)
        disk = LoopDisk(DISK_MEGABYTES)
        try:
            messages, start_seconds = run_round(count, seed, disk)
        except (AssertionError, confluent_kafka.KafkaException) as error:
            print(f"FAILED: {error}\nagain with: scripts/power-test {count} {seed}\nleft in {disk.path}", flush=True)
            return 1
        disk.discard()
        done += count
        acknowledged += messages
        slowest = max(slowest, start_seconds)
        seed += 1
        print(
            f"{done} power cuts, {acknowledged:,} messages acknowledged with acks=all, none lost, moved or doubled; "
            f"slowest start {slowest:.2f} s; {time.monotonic() - start:.0f} s so far",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 31)))
