"""MartletClient against librdkafka's own cluster of three brokers: it must not merely agree with our server."""

import base64
import json
from collections import defaultdict

import confluent_kafka
import pytest

from harness import clients, messages
from harness.broker import run_martlet

SECONDS = 60
# The mock cluster makes topics of four partitions.
PARTITIONS = 4


class MockCluster:
    """librdkafka's brokers, in this process."""

    def __init__(self, **settings):
        settings = {"bootstrap.servers": "-", "test.mock.num.brokers": 3} | settings
        self.producer = confluent_kafka.Producer(settings)
        brokers = self.producer.list_topics(timeout=SECONDS).brokers.values()
        self.bootstrap = ",".join(f"{one.host}:{one.port}" for one in brokers)

    def create(self, topic):
        """By asking for it."""
        assert len(self.producer.list_topics(topic, SECONDS).topics[topic].partitions) == PARTITIONS


@pytest.fixture(scope="module")
def mock():
    return MockCluster()


@pytest.mark.parametrize("codec", clients.CODECS)
def test_what_we_write_there_everybody_reads(mock, topic_name, rng, codec):
    mock.create(topic_name)
    sent = messages.some(rng, PARTITIONS, 500, on_lines=True, headers=clients.Martlet.headers)
    clients.Martlet.produce(mock.bootstrap, topic_name, sent, codec)
    for reader in (clients.Confluent, clients.Martlet):
        clients.assert_same(sent, reader.consume(mock.bootstrap, topic_name, PARTITIONS))


@pytest.mark.parametrize("codec", clients.CODECS)
def test_what_others_write_there_we_read(mock, topic_name, rng, codec):
    mock.create(topic_name)
    sent = messages.some(rng, PARTITIONS, 500, headers=clients.Confluent.headers)
    clients.Confluent.produce(mock.bootstrap, topic_name, sent, codec)
    done = run_martlet("consume", topic_name, "--json", "--from", "beginning", "-e", "-b", mock.bootstrap)
    assert done.returncode == 0, done
    received = defaultdict(list)
    for line in done.stdout.splitlines():
        record = json.loads(line)
        headers = tuple((one["name"], field(one, "value")) for one in record["headers"])
        place = clients.Received(
            record["offset"], record["timestamp"], field(record, "key"), field(record, "value"), headers
        )
        received[record["partition"]].append(place)
    clients.assert_same(sent, received)


def field(record, name):
    """The bytes of a field as JSON has them."""
    text = record[name]
    if text is None:
        return None
    return base64.b64decode(text) if record.get(f"{name}_encoding") == "base64" else text.encode()


def test_a_slow_cluster_is_only_slow(topic_name):
    slow = MockCluster(**{"test.mock.broker.rtt": 200})
    slow.create(topic_name)
    lines = [b"%d" % number for number in range(20_000)]
    done = run_martlet("produce", topic_name, "-b", slow.bootstrap, stdin=b"\n".join(lines) + b"\n")
    assert done.returncode == 0, done
    done = run_martlet("consume", topic_name, "--from", "beginning", "-e", "-b", slow.bootstrap)
    assert done.returncode == 0, done
    assert sorted(done.stdout.split()) == sorted(lines)


def test_one_reachable_bootstrap_server_of_several_is_enough(mock, topic_name):
    mock.create(topic_name)
    first = mock.bootstrap.split(",", maxsplit=1)[0]
    done = run_martlet("produce", topic_name, "-b", f"127.0.0.1:1,{first}", stdin=b"here\n")
    assert done.returncode == 0, done
    done = run_martlet("consume", topic_name, "--from", "beginning", "-e", "-b", f"127.0.0.1:1,{first}")
    assert done.stdout == b"here\n", done
