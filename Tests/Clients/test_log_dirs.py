"""DescribeLogDirs: what tools show as a topic's size and a disk's free space."""

import os
import shutil
import time

import kafka
import pytest
from kafka.protocol.admin import DescribeLogDirsRequest

from harness import batches, wire
from harness.errors import Error


def describe(connection, topics=None, version=5):
    Topic = DescribeLogDirsRequest.DescribableLogDirTopic
    if topics is not None:
        topics = [Topic(topic=name, partitions=numbers, version=version) for name, numbers in topics.items()]
    return connection.call(DescribeLogDirsRequest(version=version, topics=topics))


def sizes(results):
    """Bytes by topic and partition."""
    return {
        (topic.name, partition.partition_index): partition.partition_size
        for one in results
        for topic in one.topics
        for partition in topic.partitions
    }


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_sizes_are_those_of_the_files_in_every_version(broker, connection, make_topic, version):
    topic = make_topic(partitions=3)
    for number in range(5):
        wire.produce(connection, topic, batches.batch([(None, b"v" * 1000)]), partition=number % 2)
    response = describe(connection, {topic: [0, 1, 2, 7]}, version)
    (one,) = response.results
    assert (one.error_code, one.log_dir) == (Error.NONE, str(broker.data.resolve()))
    on_disk = [(broker.data / f"{topic}-{number}" / f"{0:020}.log").stat().st_size for number in range(3)]
    assert on_disk[0] > on_disk[1] > on_disk[2] == 0
    assert sizes(response.results) == {(topic, number): size for number, size in enumerate(on_disk)}
    if version >= 4:
        disk = shutil.disk_usage(broker.data)
        assert one.total_bytes == os.statvfs(broker.data).f_blocks * os.statvfs(broker.data).f_frsize
        assert 0 < one.usable_bytes <= disk.total
    if version >= 5:
        assert one.is_cordoned is False


def test_all_topics_and_none_of_the_brokers_own(broker, connection, make_topic):
    topic = make_topic()
    described = {name for name, _ in sizes(describe(connection).results)}
    assert topic in described
    assert not [name for name in described if name.startswith("__")]
    assert sizes(describe(connection, {}).results) == {}
    assert sizes(describe(connection, {"nowhere": [0]}).results) == {}


def test_an_admin_client_gets_it(broker, connection, make_topic):
    topic = make_topic(partitions=2)
    wire.produce(connection, topic, batches.batch([(None, b"value")]))
    admin = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        (answer,) = admin.describe_log_dirs()
    finally:
        admin.close()
    (one,) = answer["log_dirs"]
    assert one["total_bytes"] > one["usable_bytes"] > 0
    (found,) = [entry for entry in one["topics"] if entry["name"] == topic]
    assert [partition["partition_size"] > 0 for partition in found["partitions"]] == [True, False]


def test_a_size_survives_a_restart(start_broker, topic_name):
    broker = start_broker(settings={"log.segment.bytes": 1 << 20})
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        for _ in range(5):
            wire.produce(connection, topic_name, batches.batch([(None, os.urandom(500_000))]))
        before = sizes(describe(connection).results)
    assert before[(topic_name, 0)] > 2_500_000
    broker.restart()
    with wire.connect(broker) as connection:
        # Opened while others are served already.
        deadline = time.monotonic() + 10
        while (after := sizes(describe(connection).results)) != before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert after == before
