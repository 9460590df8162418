"""Groups that commit while the broker is killed: what was acknowledged stays, and nothing committed is taken back."""

import contextlib
import threading
import time
from collections import defaultdict

import confluent_kafka

from harness import groups, wire

MEMBERS = 2
PROTOCOLS = ("classic", "consumer")
BATCH = 50
WAIT_SECONDS = 0.05
PAUSE_SECONDS = 0.03
TIMEOUT_SECONDS = 10
OBSERVER_PAUSE_SECONDS = 0.05
OBSERVER_PATIENCE_SECONDS = 60
CONNECTION = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100, "log_level": 0}


class Ledger:
    """What a group's members were told about their commits. Thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._acknowledged = defaultdict(int)
        self.commits = 0
        self.failures = []

    def acknowledge(self, offsets):
        with self._lock:
            self.commits += 1
            for one in offsets:
                if not one.error:
                    key = (one.topic, one.partition)
                    # Members' threads come here in any order.
                    self._acknowledged[key] = max(self._acknowledged[key], one.offset)

    def acknowledged(self):
        with self._lock:
            return dict(self._acknowledged)

    def compare(self, before, committed, where):
        """`before` was acknowledged before `committed` was asked for."""
        for key, offset in before.items():
            if committed.get(key, 0) < offset:
                self.failures.append(f"{where}: {key} was acknowledged at {offset} and is at {committed.get(key)}")


class Committer(threading.Thread):
    """A member that reads on and commits after each batch, waiting for the answer."""

    def __init__(self, bootstrap, topics, protocol, ledger):
        super().__init__(name=f"committer {protocol}", daemon=True)
        self.ledger = ledger
        self.stopping = threading.Event()
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group_name(protocol),
                "group.protocol": protocol,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                **CONNECTION,
            }
        )
        self.consumer.subscribe(list(topics))

    def run(self):
        # Now and then, so that there is time left for those who write and for what is compacted.
        while not self.stopping.wait(PAUSE_SECONDS):
            messages = [one for one in self.consumer.consume(BATCH, WAIT_SECONDS) if not one.error()]
            if messages:
                self.commit(messages)
        self.consumer.close()

    def commit(self, messages):
        ends = {(one.topic(), one.partition()): one.offset() + 1 for one in messages}
        # A partition that was given up meanwhile is another's to commit.
        mine = {(one.topic, one.partition) for one in self.consumer.assignment()}
        offsets = [confluent_kafka.TopicPartition(*key, end) for key, end in ends.items() if key in mine]
        if not offsets:
            return
        # Where it fails nothing was promised.
        with contextlib.suppress(confluent_kafka.KafkaException):
            self.ledger.acknowledge(self.consumer.commit(offsets=offsets, asynchronous=False))


class Observer(threading.Thread):
    """Asks again and again what the groups have committed: it never becomes less, nor less than was acknowledged."""

    def __init__(self, broker, ledgers):
        super().__init__(name="observer", daemon=True)
        self.broker = broker
        self.ledgers = ledgers
        self.seen = {protocol: {} for protocol in ledgers}
        self.answers = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(OBSERVER_PAUSE_SECONDS):
            for protocol in self.ledgers:
                self.look(protocol)

    def looks_at_last(self, protocol):
        """Whether there was an answer, although the connection may be one to a broker that has gone."""
        deadline = time.monotonic() + OBSERVER_PATIENCE_SECONDS
        while not self.look(protocol):
            if time.monotonic() > deadline:
                return False
            time.sleep(OBSERVER_PAUSE_SECONDS)
        return True

    def look(self, protocol):
        """Whether there was an answer."""
        ledger = self.ledgers[protocol]
        acknowledged = ledger.acknowledged()
        try:
            with wire.connect(self.broker, timeout=TIMEOUT_SECONDS) as connection:
                committed = groups.committed(connection, group_name(protocol))
        except (OSError, wire.Closed):
            return False
        if committed is None:
            return False
        self.answers += 1
        ledger.compare(acknowledged, committed, f"group {group_name(protocol)}")
        for key, offset in self.seen[protocol].items():
            if committed.get(key, 0) < offset:
                ledger.failures.append(f"{key} was committed at {offset} and later at {committed.get(key)}")
        self.seen[protocol] = committed
        return True


def group_name(protocol):
    return f"commits-{protocol}"


class Commits:
    """Groups of both protocols over some topics, from the first member to the proof."""

    def __init__(self, broker, topics):
        self.ledgers = {protocol: Ledger() for protocol in PROTOCOLS}
        self.observer = Observer(broker, self.ledgers)
        self.threads = [
            Committer(broker.bootstrap, topics, protocol, ledger)
            for protocol, ledger in self.ledgers.items()
            for _ in range(MEMBERS)
        ] + [self.observer]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        for thread in self.threads:
            thread.stopping.set()
        for thread in self.threads:
            thread.join()

    @property
    def count(self):
        return sum(ledger.commits for ledger in self.ledgers.values())

    def problems(self):
        """What is wrong with what the broker, which runs, says now."""
        found = []
        for protocol, ledger in self.ledgers.items():
            if not self.observer.looks_at_last(protocol):
                found.append(f"nobody tells what {group_name(protocol)} has committed")
            if not ledger.commits:
                found.append(f"group {group_name(protocol)} never committed anything")
            found += ledger.failures
        return found
