"""APIs that only Martlet has stand in ApiVersions beside Kafka's: clients must not mind keys that they do not know."""

import asyncio
import subprocess

import aiokafka
import aiokafka.admin
import confluent_kafka
import confluent_kafka.admin
import kafka
import pytest

from harness import wire

PRIVATE = range(10_000, 11_000)
MESSAGES = [b"one", b"two", b"three"]


@pytest.fixture(autouse=True)
def announced(broker):
    """There is something to mind."""
    with wire.connect(broker) as connection:
        keys = {one.api_key for one in connection.call(wire.api_versions(3)).api_keys}
    assert {10_001, 10_002, 10_003} <= keys & set(PRIVATE)


def test_kcat_lists_produces_and_consumes(broker, topic):
    def kcat(*arguments, stdin=b""):
        command = ["kcat", "-b", broker.bootstrap, "-m", "10", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=True)

    assert topic in kcat("-L").stdout.decode()
    kcat("-P", "-t", topic, stdin=b"\n".join(MESSAGES))
    consumed = kcat("-C", "-t", topic, "-e", "-q", "-d", "feature,broker,protocol")
    assert consumed.stdout.splitlines() == MESSAGES
    # librdkafka switches on what it finds; the strange keys must not make it fall back to an old protocol.
    assert b"MsgVer2" in consumed.stderr, consumed.stderr.decode()


def test_confluent_kafka_administers_produces_and_consumes(broker, topic):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    assert topic in admin.list_topics(timeout=10).topics
    resource = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ResourceType.TOPIC, topic)
    assert "retention.ms" in admin.describe_configs([resource])[resource].result(10)
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    for message in MESSAGES:
        producer.produce(topic, message)
    assert producer.flush(30) == 0
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "none"})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
    found = [one.value() for one in consumer.consume(len(MESSAGES), timeout=30)]
    consumer.close()
    assert found == MESSAGES


def test_kafka_python_administers_produces_and_consumes(broker, topic):
    admin = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    assert topic in admin.list_topics()
    admin.close()
    producer = kafka.KafkaProducer(bootstrap_servers=broker.bootstrap)
    for message in MESSAGES:
        producer.send(topic, message).get(30)
    producer.close()
    consumer = kafka.KafkaConsumer(bootstrap_servers=broker.bootstrap, consumer_timeout_ms=30_000)
    consumer.assign([kafka.TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    found = [next(consumer).value for _ in MESSAGES]
    consumer.close()
    assert found == MESSAGES


def test_aiokafka_administers_produces_and_consumes(broker, topic):
    async def all_of_it():
        admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        try:
            assert topic in await admin.list_topics()
        finally:
            await admin.close()
        async with aiokafka.AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            for message in MESSAGES:
                await producer.send_and_wait(topic, message)
        async with aiokafka.AIOKafkaConsumer(bootstrap_servers=broker.bootstrap) as consumer:
            partition = aiokafka.TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in MESSAGES]

    assert asyncio.run(all_of_it()) == MESSAGES
