"""Consumer groups of the classic protocol with every client: sharing, leaving, dying, coming back, and what is kept."""

import asyncio
import signal
import subprocess
import threading
import time

import aiokafka
import confluent_kafka
import confluent_kafka.admin
import kafka
import pytest
from kafka.structs import OffsetAndMetadata

from harness import batches, groups, wire

SECONDS = 30
SESSION = 6000
ASSIGNORS = ("range", "roundrobin", "cooperative-sticky")


def fill(broker, topic, partitions, count, start=0):
    """`count` records in each partition; a value says where it is."""
    with wire.connect(broker) as connection:
        for partition in range(partitions):
            payload = batches.batch([(None, b"%d:%d" % (partition, start + number)) for number in range(count)])
            assert wire.produce(connection, topic, payload, partition=partition).error_code == 0


def everything(partitions, count):
    return {f"{partition}:{number}" for partition in range(partitions) for number in range(count)}


class Member:
    """A confluent-kafka consumer in a thread of its own, which commits what it has got."""

    def __init__(self, broker, topic, group, **settings):
        self.values = []
        # What was acknowledged, by partition.
        self.committed = {}
        self.assigned = set()
        self.lost = threading.Event()
        self._stop = threading.Event()
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "session.timeout.ms": SESSION,
                "heartbeat.interval.ms": 500,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
            | settings
        )
        self.incremental = settings.get("partition.assignment.strategy") == "cooperative-sticky"
        self.consumer.subscribe([topic], on_assign=self._assign, on_revoke=self._revoke)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _assign(self, consumer, partitions):
        self.assigned |= {partition.partition for partition in partitions}
        if self.incremental:
            consumer.incremental_assign(partitions)
        else:
            consumer.assign(partitions)

    def _revoke(self, consumer, partitions):
        self.assigned -= {partition.partition for partition in partitions}
        if self.incremental:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()

    def _run(self):
        while not self._stop.is_set():
            message = self.consumer.poll(0.1)
            if message is None or message.error():
                continue
            self.values.append(message.value().decode())
            try:
                (place,) = self.consumer.commit(message, asynchronous=False)
            except confluent_kafka.KafkaException:
                # A rebalance came in between; whoever gets the partition reads it again.
                continue
            if place.error is None:
                self.committed[place.partition] = place.offset

    def leave(self):
        self._stop.set()
        self._thread.join(SECONDS)
        self.consumer.close()


def wait_until(condition, what):
    for _ in range(SECONDS * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {SECONDS} s")


def is_shared(members, partitions):
    held = [partition for member in members for partition in member.assigned]
    return sorted(held) == list(range(partitions)) and all(member.assigned for member in members)


@pytest.mark.parametrize("assignor", ASSIGNORS)
def test_members_share_partitions_and_take_over_from_one_that_leaves(start_broker, topic_name, assignor):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 6)
    fill(broker, topic_name, 6, 20)
    settings = {"partition.assignment.strategy": assignor}
    members = [Member(broker, topic_name, "g", **settings) for _ in range(3)]
    wait_until(lambda: is_shared(members, 6), "sharing among three")
    wait_until(lambda: {v for m in members for v in m.values} == everything(6, 20), "reading everything")
    members[0].leave()
    wait_until(lambda: is_shared(members[1:], 6), "sharing among two")
    fill(broker, topic_name, 6, 5, start=20)
    wait_until(lambda: {v for m in members for v in m.values} == everything(6, 25), "reading the rest")
    for member in members[1:]:
        member.leave()


def kcat_group(broker, topic, group):
    command = ["kcat", "-b", broker.bootstrap, "-u", "-f", "%s\n", "-X", f"session.timeout.ms={SESSION}"]
    command += ["-X", "heartbeat.interval.ms=500", "-X", "auto.offset.reset=earliest", "-G", group, topic]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines = []

    def read():
        for line in process.stdout:
            lines.append(line.strip())

    threading.Thread(target=read, daemon=True).start()
    return process, lines


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_kcat_takes_over_from_a_member_that_is_killed_or_leaves(start_broker, topic_name, end):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 2)
    first, first_lines = kcat_group(broker, topic_name, "g")
    second, second_lines = kcat_group(broker, topic_name, "g")
    try:
        number = 0

        def both_read():
            nonlocal number
            fill(broker, topic_name, 2, 1, start=number)
            number += 1
            return first_lines and second_lines

        wait_until(both_read, "sharing")
        first.send_signal(end)
        first.wait(SECONDS)
        wait_until(lambda: set(first_lines) | set(second_lines) == everything(2, number), "taking over")
    finally:
        for process in (first, second):
            process.kill()
            process.wait()


def test_a_consumer_that_is_stopped_past_its_session_is_replaced_and_may_come_back(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 6)
    processes = [kcat_group(broker, topic_name, "g") for _ in range(3)]
    try:
        number = 0

        def all_read():
            nonlocal number
            fill(broker, topic_name, 6, 1, start=number)
            number += 1
            return all(lines for _, lines in processes)

        wait_until(all_read, "sharing")
        processes[0][0].send_signal(signal.SIGSTOP)
        time.sleep(SESSION / 1000 + 1)
        fill(broker, topic_name, 6, 1, start=number)
        number += 1
        rest = everything(6, number) - everything(6, number - 1)
        wait_until(lambda: rest <= set(processes[1][1]) | set(processes[2][1]), "two reading for three")
        processes[0][0].send_signal(signal.SIGCONT)
        before = len(processes[0][1])

        def is_back():
            nonlocal number
            fill(broker, topic_name, 6, 1, start=number)
            number += 1
            return len(processes[0][1]) > before

        wait_until(is_back, "coming back")
    finally:
        for process, _ in processes:
            process.kill()
            process.wait()


def test_a_static_member_comes_back_without_a_rebalance(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 4)
    settings = {"partition.assignment.strategy": "range", "session.timeout.ms": 20000}
    members = [Member(broker, topic_name, "g", **settings, **{"group.instance.id": f"i{n}"}) for n in range(2)]
    wait_until(lambda: is_shared(members, 4), "sharing")
    held = set(members[0].assigned)
    rebalances = broker.log.count("rebalances")
    members[0].leave()
    again = Member(broker, topic_name, "g", **settings, **{"group.instance.id": "i0"})
    wait_until(lambda: again.assigned == held, "getting the same partitions")
    assert broker.log.count("rebalances") == rebalances
    for member in (members[1], again):
        member.leave()


@pytest.mark.parametrize("end", ["stop", "kill9"])
def test_offsets_and_members_survive_the_broker(start_broker, topic_name, end):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 2)
    fill(broker, topic_name, 2, 10)
    member = Member(broker, topic_name, "g")
    wait_until(lambda: set(member.values) == everything(2, 10), "reading")
    getattr(broker, end)()
    broker.start()
    fill(broker, topic_name, 2, 5, start=10)
    wait_until(lambda: set(member.values) == everything(2, 15), "going on")
    member.leave()
    # Each record was committed before the next was read, so nothing but the last of each partition can come twice.
    assert len(member.values) <= 30 + 2
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    request = [confluent_kafka.ConsumerGroupTopicPartitions("g")]
    (future,) = admin.list_consumer_group_offsets(request).values()
    committed = {place.partition: place.offset for place in future.result(SECONDS).topic_partitions}
    assert committed == {0: 15, 1: 15}


def test_a_group_reads_everything_although_the_broker_is_killed_again_and_again(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 6)
    fill(broker, topic_name, 6, 5)
    members = [Member(broker, topic_name, "g", **{"reconnect.backoff.max.ms": 200}) for _ in range(3)]
    for kill in range(4):
        expected = everything(6, 5 * (kill + 1))
        wait_until(lambda expected=expected: {v for m in members for v in m.values} >= expected, f"kill {kill}")
        # While the last commits are on their way.
        broker.kill9()
        broker.start()
        fill(broker, topic_name, 6, 5, start=5 * (kill + 1))
    wait_until(lambda: {v for m in members for v in m.values} == everything(6, 25), "reading everything")
    wait_until(lambda: is_shared(members, 6), "sharing")
    for member in members:
        member.leave()
    with wire.connect(broker) as connection:
        there = groups.committed(connection, "g")
    for member in members:
        for partition, offset in member.committed.items():
            assert offset <= there[topic_name, partition] <= 25


def test_kafka_python_shares_seeks_resets_and_deletes(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 2)
    fill(broker, topic_name, 2, 10)
    settings = {
        "bootstrap_servers": broker.bootstrap,
        "group_id": "g",
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "consumer_timeout_ms": 3000,
        "session_timeout_ms": SESSION,
        "heartbeat_interval_ms": 500,
    }
    consumer = kafka.KafkaConsumer(topic_name, **settings)
    assert {message.value.decode() for message in consumer} == everything(2, 10)
    place = kafka.TopicPartition(topic_name, 0)
    consumer.seek(place, 7)
    assert [message.value.decode() for message in consumer] == ["0:7", "0:8", "0:9"]
    consumer.commit({place: OffsetAndMetadata(4, "a note", -1)})
    assert consumer.committed(place, metadata=True).metadata == "a note"
    admin = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    consumer.close()
    offsets = admin.list_group_offsets("g")
    assert offsets.get("g", offsets)[place].offset == 4
    again = kafka.KafkaConsumer(topic_name, **settings)
    # Nothing was committed of the other partition.
    assert {message.value.decode() for message in again} == everything(2, 10) - {f"0:{n}" for n in range(4)}
    again.close()
    admin.delete_groups(["g"])
    assert not [group for group in admin.list_groups() if "g" in str(group)]
    admin.close()


def test_aiokafka_commits_and_goes_on(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 2)
    fill(broker, topic_name, 2, 10)

    async def read(count):
        consumer = aiokafka.AIOKafkaConsumer(
            topic_name,
            bootstrap_servers=broker.bootstrap,
            group_id="g",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=SESSION,
            heartbeat_interval_ms=500,
        )
        await consumer.start()
        try:
            values = [(await asyncio.wait_for(consumer.getone(), SECONDS)).value.decode() for _ in range(count)]
            await consumer.commit()
            return values
        finally:
            await consumer.stop()

    first = asyncio.run(read(20))
    assert set(first) == everything(2, 10)
    fill(broker, topic_name, 2, 5, start=10)
    assert set(asyncio.run(read(10))) == everything(2, 15) - everything(2, 10)


def test_a_lone_consumer_of_a_new_group_has_its_first_record_soon(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 1)
    fill(broker, topic_name, 1, 1)
    # The topic of the offsets is made with the first group.
    Member(broker, topic_name, "first").leave()
    start = time.monotonic()
    member = Member(broker, topic_name, "second")
    wait_until(lambda: member.values, "the first record")
    assert time.monotonic() - start < 2
    member.leave()
