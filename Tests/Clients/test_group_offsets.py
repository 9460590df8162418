"""Committed offsets: what is refused, what is kept through crashes, and who reads and resets them."""

import random
import struct
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import kafka
import pytest
from kafka.structs import OffsetAndMetadata

from harness import batches, groups, wire
from harness.errors import Error

SECONDS = 30
OFFSETS_TOPIC = "__consumer_offsets"
# When the first record was made: not so long ago that retention takes it.
START = int(time.time() * 1000) - 100_000


@pytest.fixture
def topic_of_ten(start_broker, topic_name):
    """A broker, and on it a topic of two partitions with ten records each, one second apart."""
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 2)
        for partition in range(2):
            for number in range(10):
                payload = batches.batch([(None, b"%d:%d" % (partition, number))], timestamp=START + number * 1000)
                assert wire.produce(connection, topic_name, payload, partition=partition).error_code == 0
    return broker, topic_name


def wait_until(condition, what):
    for _ in range(SECONDS * 20):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {SECONDS} s")


# What is refused.


def test_notes_that_are_too_long_and_unknown_places_are_refused_alone(broker, topic):
    with wire.connect(broker) as connection:
        assert groups.commit(connection, "notes", {(topic, 0): 1}, metadata="x" * 4097) == [
            Error.OFFSET_METADATA_TOO_LARGE
        ]
        codes = groups.commit(connection, "notes", {(topic, 0): 3, (topic, 7): 4, ("no-such-topic", 0): 5})
        assert codes == [Error.NONE, Error.UNKNOWN_TOPIC_OR_PARTITION, Error.UNKNOWN_TOPIC_OR_PARTITION]
        assert groups.committed(connection, "notes") == {(topic, 0): 3}


def test_strangers_and_old_generations_cannot_commit(broker, topic):
    with wire.connect(broker) as connection:
        joined = groups.join(connection, "fenced")
        assert joined.error_code == Error.NONE
        # While assignments are being made nobody commits.
        place = {(topic, 0): 1}
        codes = groups.commit(connection, "fenced", place, member=joined.member_id, generation=joined.generation_id)
        assert codes == [Error.REBALANCE_IN_PROGRESS]
        assert groups.commit(connection, "fenced", place, member="stranger", generation=joined.generation_id) == [
            Error.UNKNOWN_MEMBER_ID
        ]
        codes = groups.commit(connection, "fenced", place, member=joined.member_id, generation=joined.generation_id - 1)
        assert codes == [Error.ILLEGAL_GENERATION]
        assert groups.commit(connection, "fenced", place) == [Error.UNKNOWN_MEMBER_ID]
        assert groups.committed(connection, "fenced") == {}


def test_a_group_takes_no_more_members_than_it_may_have(start_broker):
    broker = start_broker(settings={"group.max.size": 1, "group.initial.rebalance.delay.ms": 0})
    with wire.connect(broker) as connection:
        first = groups.join(connection, "full")
        assert first.error_code == Error.NONE
        assert groups.join(connection, "full").error_code == Error.GROUP_MAX_SIZE_REACHED
        assert groups.heartbeat(connection, "full", first) == Error.NONE


@pytest.mark.parametrize("session", [0, 5999, 1_800_001, 2**31 - 1, -1])
def test_sessions_outside_the_brokers_bounds_are_refused(broker, session):
    with wire.connect(broker) as connection:
        assert connection.call(groups.join_request("g", session=session)).error_code == Error.INVALID_SESSION_TIMEOUT


def test_whatever_members_say_of_themselves_harms_nobody(broker, topic, rng):
    with wire.connect(broker) as connection:
        for number in range(200):
            subscription = rng.randbytes(rng.randrange(300))
            if number % 2:
                # The beginning of a subscription to more topics than there are bytes.
                subscription = (
                    struct.pack(">hi", rng.choice([0, 1, 3, -1]), rng.choice([1, 2**31 - 1, -1])) + subscription
                )
            group = f"hostile-{number}"
            joined = groups.join(connection, group, protocols=[("range", subscription)])
            assert joined.error_code == Error.NONE
            assert groups.heartbeat(connection, group, joined) == Error.NONE
        too_much = groups.join(connection, "too-much", protocols=[("range", b"x" * 70_000)])
        assert too_much.error_code == Error.INVALID_REQUEST
        many = [(f"p{number}", b"") for number in range(100)]
        assert groups.join(connection, "too-many", protocols=many).error_code == Error.INVALID_REQUEST
        assert groups.commit(connection, "bystander", {(topic, 0): 1}) == [Error.NONE]


def test_ten_thousand_fresh_groups_cost_little_and_disturb_nobody(start_broker):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, "t")
        joined = groups.join(connection, "bystander")
        before = broker.resident_bytes()
        for number in range(10_000):
            told = connection.call(groups.join_request(f"fresh-{number}", protocols=[("range", b"x" * 1000)]))
            assert told.error_code == Error.MEMBER_ID_REQUIRED
        assert broker.resident_bytes() - before < 64 << 20
        assert groups.heartbeat(connection, "bystander", joined) == Error.NONE
        assert groups.commit(connection, "another", {("t", 0): 1}) == [Error.NONE]


# What is kept.


class Committer(threading.Thread):
    """Commits ever larger offsets, and keeps which of them were acknowledged."""

    def __init__(self, broker, group, topic):
        super().__init__(daemon=True)
        self.broker, self.group, self.topic = broker, group, topic
        self.tried = self.acknowledged = 0
        self.failures = []
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                with wire.connect(self.broker, timeout=5) as connection:
                    self.commit(connection)
            except (OSError, wire.Closed):
                time.sleep(0.01)

    def commit(self, connection):
        while not self.stopping.is_set():
            there = groups.committed(connection, self.group)
            if there is not None and not all(self.acknowledged <= there.get((self.topic, p), 0) for p in range(2)):
                self.failures.append(f"{self.group}: {self.acknowledged} was acknowledged, {there} is there")
            self.tried += 1
            codes = set(groups.commit(connection, self.group, {(self.topic, p): self.tried for p in range(2)}))
            if codes == {Error.NONE}:
                self.acknowledged = self.tried
            elif codes - {
                Error.NONE,
                Error.COORDINATOR_LOAD_IN_PROGRESS,
                Error.COORDINATOR_NOT_AVAILABLE,
                Error.NOT_COORDINATOR,
            }:
                self.failures.append(f"{self.group}: {codes}")


@pytest.mark.parametrize("seed", [1])
def test_no_acknowledged_commit_is_lost_when_the_broker_is_killed(topic_of_ten, seed):
    broker, topic = topic_of_ten
    rng = random.Random(seed)
    committers = [Committer(broker, f"group-{number}", topic) for number in range(4)]
    for one in committers:
        one.start()
    for _ in range(8):
        time.sleep(rng.uniform(0.05, 0.6))
        broker.kill9()
        broker.start()
    wait_until(lambda: all(one.acknowledged for one in committers), f"commits, seed {seed}")
    for one in committers:
        one.stopping.set()
    for one in committers:
        one.join()
    with wire.connect(broker) as connection:
        for one in committers:
            assert one.failures == [], f"seed {seed}"
            there = groups.committed(connection, one.group)
            assert all(one.acknowledged <= offset <= one.tried for offset in there.values()), f"seed {seed}"
            assert len(there) == 2


def test_the_log_of_the_offsets_does_not_grow_with_the_commits(start_broker, topic_name):
    settings = {"offsets.topic.num.partitions": 1, "offsets.topic.segment.bytes": 1 << 20, "log.cleaner.backoff.ms": 50}
    broker = start_broker(settings=settings)

    def size():
        return sum(file.stat().st_size for file in broker.data.glob(f"{OFFSETS_TOPIC}-0/*.log"))

    count = 200
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, count)
        written = 0
        while written < 6 << 20:
            written += count * 100
            offset = written // (count * 100)
            assert set(groups.commit(connection, "g", {(topic_name, p): offset for p in range(count)})) == {0}
        # At most the newest segment, the one before until it is compacted, and one offset for each partition.
        wait_until(lambda: size() < 5 << 19, "compaction")
    broker.kill9()
    broker.start()
    with wire.connect(broker) as connection:
        assert groups.committed(connection, "g") == {(topic_name, partition): offset for partition in range(count)}


def test_a_deleted_topic_takes_its_offsets_with_it(topic_of_ten):
    broker, topic = topic_of_ten
    with wire.connect(broker) as connection:
        wire.create_topic(connection, "other")
        assert groups.commit(connection, "g", {(topic, 0): 5, ("other", 0): 0}) == [0, 0]
        assert wire.delete_topic(connection, topic).error_code == 0
        wait_until(lambda: groups.committed(connection, "g") == {("other", 0): 0}, "forgetting the topic")
        wire.create_topic(connection, topic, 2)
        assert groups.committed(connection, "g") == {("other", 0): 0}
    broker.kill9()
    broker.start()
    with wire.connect(broker) as connection:
        wait_until(lambda: groups.committed(connection, "g") == {("other", 0): 0}, "the same after a crash")


def test_offsets_are_kept_as_long_as_the_topic_has_them_or_for_their_time(start_broker, topic_name):
    settings = {"offsets.retention.check.interval.ms": 100, "offsets.retention.minutes": 1}
    broker = start_broker(settings=settings)
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        wire.produce(connection, topic_name, batches.batch([(None, b"v")]))
        assert groups.commit(connection, "current", {(topic_name, 0): 1}) == [0]
        # A client of old says for how long it wants its offset kept (version 2 to 4).
        assert commit_for(connection, "short-lived", topic_name, milliseconds=1) == 0
        time.sleep(0.5)
        assert groups.committed(connection, "short-lived") == {(topic_name, 0): 1}
    broker.stop()
    broker.settings["offsets.retention.policy"] = "time"
    broker.start()
    with wire.connect(broker) as connection:
        wait_until(lambda: groups.committed(connection, "short-lived") == {}, "forgetting by time")
        assert groups.committed(connection, "current") == {(topic_name, 0): 1}


def commit_for(connection, group, topic, milliseconds):
    """OffsetCommit 2, whose schema the libraries no longer offer."""

    def text(value):
        return struct.pack(">h", len(value)) + value.encode()

    body = text(group) + struct.pack(">i", -1) + text("") + struct.pack(">q", milliseconds)
    body += struct.pack(">i", 1) + text(topic) + struct.pack(">i", 1) + struct.pack(">iq", 0, 1) + text("")
    connection.send_raw(8, 2, body)
    return struct.unpack(">h", connection.receive()[-2:])[0]


# Who reads them.


def test_tools_that_read_the_topic_of_the_offsets_understand_it(topic_of_ten):
    broker, topic = topic_of_ten
    with wire.connect(broker) as connection:
        assert groups.commit(connection, "my-group", {(topic, 1): 7}, metadata="a note") == [0]
        assert groups.join(connection, "my-group").error_code == 0
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "reader", "enable.auto.commit": False}
    )
    # Where Kafka puts it: Java's hash of the group's name, by 50 partitions.
    consumer.assign([confluent_kafka.TopicPartition(OFFSETS_TOPIC, 36, 0)])
    message = consumer.poll(SECONDS)
    assert message.error() is None
    key, value = message.key(), message.value()
    consumer.close()
    assert key == struct.pack(">hh", 1, 8) + b"my-group" + struct.pack(">h", len(topic)) + topic.encode() + struct.pack(
        ">i", 1
    )
    version, offset, epoch, length = struct.unpack_from(">hqih", value)
    assert (version, offset, epoch, value[16 : 16 + length]) == (3, 7, -1, b"a note")
    (committed,) = struct.unpack_from(">q", value, 16 + length)
    assert abs(committed / 1000 - time.time()) < 60
    assert len(value) == 16 + length + 8
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    resource = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ResourceType.TOPIC, OFFSETS_TOPIC)
    assert admin.describe_configs([resource])[resource].result(SECONDS)["cleanup.policy"].value == "compact"
    with wire.connect(broker) as connection:
        assert wire.produce(connection, OFFSETS_TOPIC, batches.batch([(b"k", b"v")])).error_code != 0


def test_consumers_replay_from_offsets_and_times(topic_of_ten):
    broker, topic = topic_of_ten
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "replay",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])

    def read(count):
        values = set()
        deadline = time.monotonic() + SECONDS
        while len(values) < count:
            assert time.monotonic() < deadline, values
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                values.add(message.value().decode())
        return values

    assert len(read(20)) == 20
    consumer.seek(confluent_kafka.TopicPartition(topic, 0, 8))
    assert read(2) == {"0:8", "0:9"}
    wanted = [confluent_kafka.TopicPartition(topic, partition, START + 6500) for partition in range(2)]
    places = consumer.offsets_for_times(wanted, timeout=SECONDS)
    assert [place.offset for place in places] == [7, 7]
    for place in places:
        consumer.seek(place)
    assert read(6) == {f"{partition}:{number}" for partition in range(2) for number in (7, 8, 9)}
    consumer.commit(offsets=[confluent_kafka.TopicPartition(topic, 1, 4)], asynchronous=False)
    consumer.close()
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "replay", "auto.offset.reset": "error"}
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, 1)])
    assert read(6) == {f"1:{number}" for number in range(4, 10)}
    consumer.close()


def test_admins_reset_delete_list_and_describe(topic_of_ten):
    broker, topic = topic_of_ten
    place = kafka.TopicPartition(topic, 0)
    with wire.connect(broker) as connection:
        assert groups.commit(connection, "reset-me", {(topic, 0): 9, (topic, 1): 9}) == [0, 0]
    admin = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        admin.alter_group_offsets("reset-me", {place: OffsetAndMetadata(2, "reset", -1)})
        with wire.connect(broker) as connection:
            assert groups.committed(connection, "reset-me") == {(topic, 0): 2, (topic, 1): 9}
        admin.delete_group_offsets("reset-me", [place])
        with wire.connect(broker) as connection:
            assert groups.committed(connection, "reset-me") == {(topic, 1): 9}
    finally:
        admin.close()
    client = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    empty = confluent_kafka.ConsumerGroupState.EMPTY
    listed = client.list_consumer_groups(states={empty}).result(SECONDS)
    assert [(group.group_id, group.state) for group in listed.valid] == [("reset-me", empty)]
    stable = client.list_consumer_groups(states={confluent_kafka.ConsumerGroupState.STABLE}).result(SECONDS)
    assert stable.valid == []
    described = client.describe_consumer_groups(["reset-me"])["reset-me"].result(SECONDS)
    assert described.state == empty
    client.delete_consumer_groups(["reset-me"])["reset-me"].result(SECONDS)
    with wire.connect(broker) as connection:
        assert groups.committed(connection, "reset-me") == {}
