"""Groups of the consumer protocol (KIP-848) with librdkafka: sharing, dying, static members, change of protocol."""

import json
import subprocess
import sys
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import pytest
from kafka.protocol.admin import DescribeConfigsRequest, IncrementalAlterConfigsRequest

from harness import batches, wire
from harness.broker import run_martlet
from harness.errors import Error

SECONDS = 40
# Quick enough for tests; the defaults are Kafka's.
QUICK = {
    "group.consumer.min.session.timeout.ms": 1000,
    "group.consumer.session.timeout.ms": 4000,
    "group.consumer.min.heartbeat.interval.ms": 100,
    "group.consumer.heartbeat.interval.ms": 300,
    "group.initial.rebalance.delay.ms": 0,
}
GROUP_RESOURCE = 32


def fill(broker, topic, partitions, count, start=0):
    """`count` records in each partition; a value says where it is."""
    with wire.connect(broker) as connection:
        for partition in range(partitions):
            payload = batches.batch([(None, b"%d:%d" % (partition, start + number)) for number in range(count)])
            assert wire.produce(connection, topic, payload, partition=partition).error_code == 0


def everything(partitions, count):
    return {f"{partition}:{number}" for partition in range(partitions) for number in range(count)}


class Member:
    """A consumer in a thread of its own, which commits what it has got."""

    def __init__(self, broker, topic, group, protocol="consumer", **settings):
        self.values = []
        self.assigned = set()
        self.revoked = 0
        self._stop = threading.Event()
        timing = {} if protocol == "consumer" else {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300}
        if protocol == "classic":
            timing["partition.assignment.strategy"] = "cooperative-sticky"
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "group.protocol": protocol,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "topic.metadata.refresh.interval.ms": 1000,
                "log_level": 0,
            }
            | timing
            | settings
        )
        self.consumer.subscribe([topic], on_assign=self._assign, on_revoke=self._revoke)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _assign(self, consumer, partitions):
        self.assigned |= {(partition.topic, partition.partition) for partition in partitions}
        consumer.incremental_assign(partitions)

    def _revoke(self, consumer, partitions):
        self.revoked += len(partitions)
        self.assigned -= {(partition.topic, partition.partition) for partition in partitions}
        consumer.incremental_unassign(partitions)

    def _run(self):
        while not self._stop.is_set():
            message = self.consumer.poll(0.1)
            if message is None or message.error():
                continue
            self.values.append(message.value().decode())
            try:
                self.consumer.commit(message, asynchronous=False)
            except confluent_kafka.KafkaException:
                # The partition was taken in between; whoever gets it reads the record again.
                continue

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


def is_shared(members, topic, partitions):
    held = [partition for member in members for partition in member.assigned]
    return sorted(held) == [(topic, number) for number in range(partitions)] and all(m.assigned for m in members)


def values(members):
    return {value for member in members for value in member.values}


@pytest.fixture
def quick(start_broker, topic_name):
    """A broker that hears of the dead soon, and a topic of six partitions with 20 records each."""
    broker = start_broker(settings=QUICK)
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 6)
    fill(broker, topic_name, 6, 20)
    return broker, topic_name


def describe(broker, group):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    return admin.describe_consumer_groups([group])[group].result(SECONDS)


# What goes wrong.


def test_what_is_no_regular_expression_is_refused(quick):
    broker, _ = quick
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "broken", "group.protocol": "consumer"}
    )
    # A reference to what was matched before, which librdkafka's own expressions have and RE2's have not.
    consumer.subscribe(["^(a)\\1"])
    wait_until(lambda: broken(consumer.poll(0.2)), "the refusal")
    consumer.close()


def broken(message):
    return message is not None and message.error() is not None and "xpression" in str(message.error())


def test_an_unknown_assignor_is_refused_and_a_known_one_is_used(quick):
    broker, topic = quick
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "odd",
            "group.protocol": "consumer",
            "group.remote.assignor": "sticky",
        }
    )
    consumer.subscribe([topic])
    wait_until(
        lambda: (m := consumer.poll(0.2)) is not None and m.error() and "ssignor" in str(m.error()), "the refusal"
    )
    consumer.close()
    members = [Member(broker, topic, "ranged", **{"group.remote.assignor": "range"}) for _ in range(2)]
    wait_until(lambda: is_shared(members, topic, 6), "sharing")
    held = sorted(sorted(number for _, number in member.assigned) for member in members)
    assert held == [[0, 1, 2], [3, 4, 5]]
    for member in members:
        member.leave()


PROGRAM = """
import sys, confluent_kafka
consumer = confluent_kafka.Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[3],
    "group.protocol": "consumer", "auto.offset.reset": "earliest", "enable.auto.commit": False})
consumer.subscribe([sys.argv[2]])
while True:
    message = consumer.poll(0.2)
    if message is not None and not message.error():
        print(message.partition(), flush=True)
"""


def test_a_member_that_is_killed_loses_its_partitions_after_its_session(quick):
    broker, topic = quick
    member = Member(broker, topic, "killed")
    wait_until(lambda: len(member.assigned) == 6, "the first assignment")
    command = [sys.executable, "-c", PROGRAM, broker.bootstrap, topic, "killed"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        wait_until(lambda: len(member.assigned) == 3, "sharing with the victim")
        fill(broker, topic, 6, 5, start=20)
        assert victim.stdout.readline()
        victim.kill()
    wait_until(lambda: len(member.assigned) == 6, "taking over")
    wait_until(lambda: set(member.values) == everything(6, 25), "reading everything")
    member.leave()


def test_a_killed_broker_goes_on_with_the_group_and_its_offsets(quick):
    broker, topic = quick
    members = [Member(broker, topic, "surviving") for _ in range(2)]
    wait_until(lambda: is_shared(members, topic, 6), "sharing")
    wait_until(lambda: values(members) == everything(6, 20), "reading everything")
    before = describe(broker, "surviving")
    broker.kill9()
    broker.start()
    fill(broker, topic, 6, 5, start=20)
    wait_until(lambda: values(members) == everything(6, 25), "reading the rest")
    assert {m.member_id for m in describe(broker, "surviving").members} == {m.member_id for m in before.members}
    # Only what was not committed may come twice.
    assert sum(len(member.values) for member in members) <= 6 * 25 + 6
    for member in members:
        member.leave()


# What is to work.


def test_members_share_and_only_what_moves_is_taken_away(quick):
    broker, topic = quick
    first = Member(broker, topic, "shared")
    wait_until(lambda: len(first.assigned) == 6, "the first assignment")
    second = Member(broker, topic, "shared")
    wait_until(lambda: is_shared([first, second], topic, 6), "sharing")
    assert first.revoked == 3
    wait_until(lambda: values([first, second]) == everything(6, 20), "reading everything")
    described = describe(broker, "shared")
    assert described.state == confluent_kafka.ConsumerGroupState.STABLE
    assert described.type == confluent_kafka.ConsumerGroupType.CONSUMER
    assert described.partition_assignor == "uniform"
    assert sorted(len(m.assignment.topic_partitions) for m in described.members) == [3, 3]
    shown = run_martlet("group", "members", "shared", "--json", "-b", broker.bootstrap)
    assert shown.returncode == 0, shown
    (group,) = json.loads(shown.stdout)
    assert (group["type"], group["state"], group["assignor"]) == ("consumer", "Stable", "uniform")
    assert sorted(len(member["partitions"]) for member in group["members"]) == [3, 3]
    second.leave()
    wait_until(lambda: len(first.assigned) == 6, "taking over")
    assert first.revoked == 3
    first.leave()
    wait_until(lambda: not describe(broker, "shared").members, "an empty group")


def test_groups_are_listed_with_their_type(quick):
    broker, topic = quick
    member = Member(broker, topic, "listed")
    wait_until(lambda: len(member.assigned) == 6, "the assignment")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})

    def listed(kind):
        found = admin.list_consumer_groups(types={kind}).result(SECONDS)
        return [group.group_id for group in found.valid]

    assert "listed" in listed(confluent_kafka.ConsumerGroupType.CONSUMER)
    assert "listed" not in listed(confluent_kafka.ConsumerGroupType.CLASSIC)
    member.leave()
    admin.delete_consumer_groups(["listed"])["listed"].result(SECONDS)
    assert "listed" not in listed(confluent_kafka.ConsumerGroupType.CONSUMER)


def test_a_regular_expression_follows_topics_as_they_come(quick):
    broker, topic = quick
    member = Member(broker, f"^{topic}.*", "patterned")
    wait_until(lambda: len(member.assigned) == 6, "the first topic")
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic + "-more", 2)
        wire.create_topic(connection, "other-" + topic, 1)
    wait_until(lambda: len(member.assigned) == 8, "the second topic")
    assert {name for name, _ in member.assigned} == {topic, topic + "-more"}
    member.leave()


def test_a_static_member_that_restarts_disturbs_nobody(quick):
    broker, topic = quick
    one = Member(broker, topic, "static", **{"group.instance.id": "one"})
    two = Member(broker, topic, "static", **{"group.instance.id": "two"})
    wait_until(lambda: is_shared([one, two], topic, 6), "sharing")
    held, revoked = set(two.assigned), one.revoked
    two.leave()
    again = Member(broker, topic, "static", **{"group.instance.id": "two"})
    wait_until(lambda: again.assigned == held, "the same place")
    assert one.revoked == revoked
    assert is_shared([one, again], topic, 6)
    one.leave()
    again.leave()


def test_a_group_changes_its_protocol_while_it_goes_on(quick):
    broker, topic = quick
    old = [Member(broker, topic, "moving", protocol="classic") for _ in range(2)]
    wait_until(lambda: is_shared(old, topic, 6), "sharing among classic members")
    new = Member(broker, topic, "moving")
    wait_until(lambda: is_shared([*old, new], topic, 6), "sharing with a new one")
    assert describe(broker, "moving").type == confluent_kafka.ConsumerGroupType.CONSUMER
    fill(broker, topic, 6, 5, start=20)
    wait_until(lambda: values([*old, new]) == everything(6, 25), "reading everything")
    new.leave()
    wait_until(lambda: is_shared(old, topic, 6), "sharing among classic members again")
    assert describe(broker, "moving").type == confluent_kafka.ConsumerGroupType.CLASSIC
    fill(broker, topic, 6, 5, start=25)
    wait_until(lambda: values([*old, new]) == everything(6, 30), "reading the rest")
    for member in old:
        member.leave()


# Configurations of groups.


def test_a_group_has_configurations_of_its_own(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 1)
        assert configs(connection, "tuned")["consumer.heartbeat.interval.ms"] == "5000"
        assert alter(connection, "tuned", "consumer.heartbeat.interval.ms", "7000") == Error.NONE
        assert alter(connection, "tuned", "consumer.session.timeout.ms", "1") == Error.INVALID_CONFIG
        assert alter(connection, "tuned", "consumer.session.timeout", "50000") == Error.INVALID_CONFIG
        assert alter(connection, "", "consumer.session.timeout.ms", "50000") == Error.INVALID_REQUEST
    broker.kill9()
    broker.start()
    with wire.connect(broker) as connection:
        assert configs(connection, "tuned") == {
            "consumer.assignment.interval.ms": "1000",
            "consumer.heartbeat.interval.ms": "7000",
            "consumer.session.timeout.ms": "45000",
        }
        assert configs(connection, "other")["consumer.heartbeat.interval.ms"] == "5000"


def configs(connection, group):
    resource = DescribeConfigsRequest.DescribeConfigsResource(
        version=1, resource_type=GROUP_RESOURCE, resource_name=group, configuration_keys=None
    )
    response = connection.call(DescribeConfigsRequest(version=1, resources=[resource], include_synonyms=False))
    assert response.results[0].error_code == Error.NONE
    return {config.name: config.value for config in response.results[0].configs}


def alter(connection, group, name, value):
    Resource = IncrementalAlterConfigsRequest.AlterConfigsResource
    config = Resource.AlterableConfig(version=1, name=name, config_operation=0, value=value)
    resource = Resource(version=1, resource_type=GROUP_RESOURCE, resource_name=group, configs=[config])
    request = IncrementalAlterConfigsRequest(version=1, resources=[resource], validate_only=False)
    return connection.call(request).responses[0].error_code
