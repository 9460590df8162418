"""Clients of all makes as members of one classic group at the same time: they share, and rebalance together."""

import asyncio
import signal
import subprocess
import threading

import aiokafka
import aiokafka.coordinator.assignors.range
import aiokafka.coordinator.assignors.roundrobin
import confluent_kafka
import kafka
import kafka.coordinator.assignors.cooperative_sticky
import kafka.coordinator.assignors.range
import kafka.coordinator.assignors.roundrobin
import pytest

from harness import batches, wire
from harness.broker import run_martlet
from harness.consuming import Consuming, has_settled, wait_until

SECONDS = 30
SESSION = 6000
HEARTBEAT = 300
PARTITIONS = 10
KAFKA_PYTHON = {
    "range": kafka.coordinator.assignors.range.RangePartitionAssignor,
    "roundrobin": kafka.coordinator.assignors.roundrobin.RoundRobinPartitionAssignor,
    "cooperative-sticky": kafka.coordinator.assignors.cooperative_sticky.CooperativeStickyAssignor,
}
# It has no cooperative assignor.
AIOKAFKA = {
    "range": aiokafka.coordinator.assignors.range.RangePartitionAssignor,
    "roundrobin": aiokafka.coordinator.assignors.roundrobin.RoundRobinPartitionAssignor,
}


class Member(threading.Thread):
    """A consumer in a thread of its own, until it is told to leave."""

    def __init__(self, broker, topic, group, assignor):
        super().__init__(daemon=True)
        self.bootstrap, self.topic, self.group, self.assignor = broker.bootstrap, topic, group, assignor
        self.values = []
        self.leaving = threading.Event()

    def leave(self):
        self.leaving.set()
        self.join(SECONDS)
        assert not self.is_alive(), f"{type(self).__name__} does not end"


class Confluent(Member):
    def run(self):
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": self.group,
                "session.timeout.ms": SESSION,
                "heartbeat.interval.ms": HEARTBEAT,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": self.assignor,
            }
        )
        consumer.subscribe([self.topic])
        while not self.leaving.is_set():
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                self.values.append(message.value().decode())
        consumer.close()


class KafkaPython(Member):
    def run(self):
        consumer = kafka.KafkaConsumer(
            self.topic,
            bootstrap_servers=self.bootstrap,
            group_id=self.group,
            session_timeout_ms=SESSION,
            heartbeat_interval_ms=HEARTBEAT,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[KAFKA_PYTHON[self.assignor]],
        )
        while not self.leaving.is_set():
            for records in consumer.poll(100).values():
                self.values += [record.value.decode() for record in records]
        consumer.close()


class Aiokafka(Member):
    def run(self):
        asyncio.run(self.read())

    async def read(self):
        consumer = aiokafka.AIOKafkaConsumer(
            self.topic,
            bootstrap_servers=self.bootstrap,
            group_id=self.group,
            session_timeout_ms=SESSION,
            heartbeat_interval_ms=HEARTBEAT,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[AIOKAFKA[self.assignor]],
        )
        await consumer.start()
        try:
            while not self.leaving.is_set():
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    self.values += [record.value.decode() for record in records]
        finally:
            await consumer.stop()


class Kcat(Member):
    def run(self):
        settings = [f"session.timeout.ms={SESSION}", f"heartbeat.interval.ms={HEARTBEAT}", "auto.offset.reset=earliest"]
        settings.append(f"partition.assignment.strategy={self.assignor}")
        command = ["kcat", "-b", self.bootstrap, "-u", "-f", "%s\\n"]
        command += [word for setting in settings for word in ("-X", setting)] + ["-G", self.group, self.topic]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            threading.Thread(target=self.end, args=(process,), daemon=True).start()
            for line in process.stdout:
                self.values.append(line.strip())

    def end(self, process):
        self.leaving.wait()
        process.send_signal(signal.SIGTERM)


def fill(broker, topic, count, start):
    with wire.connect(broker) as connection:
        for partition in range(PARTITIONS):
            payload = batches.batch([(None, b"%d:%d" % (partition, start + number)) for number in range(count)])
            assert wire.produce(connection, topic, payload, partition=partition).error_code == 0
    return {f"{partition}:{start + number}" for partition in range(PARTITIONS) for number in range(count)}


@pytest.mark.parametrize("assignor", ["range", "roundrobin", "cooperative-sticky"])
def test_clients_of_all_makes_share_one_group_and_rebalance_together(broker, make_topic, topic_name, assignor):
    topic, group = make_topic(partitions=PARTITIONS), f"group-{topic_name}"

    def martlet(*arguments):
        done = run_martlet(*arguments, "-b", broker.bootstrap)
        assert done.returncode == 0, done
        return done.stdout

    kinds = [Kcat, Confluent, KafkaPython] + ([Aiokafka] if assignor in AIOKAFKA else [])
    others = [kind(broker, topic, group, assignor) for kind in kinds]
    with Consuming(broker, group, topic, "--from", "beginning", "--assignor", assignor) as ours:
        ours.wait(lambda it: it.told)

        def readers():
            return {"martlet": ours.values} | {type(one).__name__: one.values for one in others}

        def read():
            return [value for values in readers().values() for value in values]

        for one in others:
            one.start()
        wait_until(lambda: has_settled(martlet, group, len(others) + 1), lambda: ours.told)
        expected = fill(broker, topic, 10, 0)
        wait_until(lambda: len(read()) >= len(expected), readers)
        assert sorted(read()) == sorted(expected), "something is read twice or not at all"
        assert all(readers().values()), f"somebody has nothing to do: {readers()}"
        # One after the other leaves, and those that stay take over.
        while others:
            others[0].leave()
            gone = others.pop(0)
            wait_until(lambda: has_settled(martlet, group, len(others) + 1), lambda: ours.told)
            new = fill(broker, topic, 2, 100 + 10 * len(others))
            wait_until(lambda new=new: new <= set(read()), lambda gone=gone: (type(gone).__name__, readers()))
        ours.stop()
