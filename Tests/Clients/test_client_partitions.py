"""Where MartletClient sends a key, every other client does: else one key's records would be in several partitions."""

from types import SimpleNamespace

import aiokafka.partitioner
import confluent_kafka
import kafka.partitioner.default

from harness import clients
from harness.broker import run_martlet
from harness.clients import Confluent

KEYS = 100_000
PARTITIONS = 7
LONGEST = 40


def random_keys(rng):
    """Distinct keys of any bytes but those that the command line takes for delimiters."""
    bytes_used = bytes(one for one in range(256) if one not in clients.KEY_END + clients.VALUE_END)
    keys = set()
    while len(keys) < KEYS:
        keys.add(bytes(rng.choices(bytes_used, k=rng.randint(1, LONGEST))))
    return sorted(keys)


def partitions_of(broker, topic):
    received = Confluent.consume(broker.bootstrap, topic, PARTITIONS)
    return {message.key: partition for partition, messages in received.items() for message in messages}


def test_100_000_keys_go_where_other_clients_send_them(broker, make_topic, rng):
    keys = random_keys(rng)
    ours, theirs = make_topic(PARTITIONS), make_topic(PARTITIONS)
    lines = b"".join(key + clients.KEY_END + b"v" + clients.VALUE_END for key in keys)
    done = run_martlet("produce", ours, "-K", "\\x1f", "-D", "\\x1e", "-b", broker.bootstrap, stdin=lines)
    assert done.returncode == 0, done
    found = partitions_of(broker, ours)
    assert set(found) == set(keys)

    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2"})
    for number, key in enumerate(keys):
        producer.produce(theirs, b"v", key)
        if number % 1000 == 0:
            producer.poll(0)
    assert producer.flush(clients.CONSUME_SECONDS) == 0
    assert found == partitions_of(broker, theirs)

    choices = {"aiokafka": by_aiokafka, "kafka-python": by_kafka_python}
    for name, choose in choices.items():
        different = sum(choose(key) != found[key] for key in keys)
        assert not different, f"{name} sends {different} keys elsewhere"


def by_aiokafka(key):
    everywhere = list(range(PARTITIONS))
    return aiokafka.partitioner.DefaultPartitioner()(key, everywhere, everywhere)


def by_kafka_python(key):
    def everywhere(_):
        return set(range(PARTITIONS))

    cluster = SimpleNamespace(
        topics=lambda: {"t"}, partitions_for_topic=everywhere, available_partitions_for_topic=everywhere
    )
    return kafka.partitioner.default.DefaultPartitioner().partition("t", key, key, None, None, cluster)
