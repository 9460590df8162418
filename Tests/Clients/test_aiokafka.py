"""aiokafka: asyncio clients, older versions of the requests."""

import asyncio

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from harness import batches, clients, messages, wire
from harness.clients import Aiokafka

SECONDS = 20


def run(work):
    return asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_every_acks(broker, make_topic, rng, acks):
    topic = make_topic(2)
    sent = messages.some(rng, 2, 200, headers=Aiokafka.headers)

    async def work():
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks=acks)
        await producer.start()
        for message in sent:
            await producer.send(topic, message.value, message.key, message.partition, headers=list(message.headers))
        await producer.stop()

    run(work())
    wire.wait_for_end(broker, topic, clients.ends(sent))
    clients.assert_same(sent, Aiokafka.consume(broker.bootstrap, topic, 2))


def test_a_waiting_consumer_is_woken_by_a_producer(broker, topic):
    async def work():
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, fetch_max_wait_ms=30000)
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
        await consumer.start()
        await producer.start()
        one = aiokafka.TopicPartition(topic, 0)
        consumer.assign([one])
        await consumer.seek_to_beginning(one)
        waiting = asyncio.create_task(consumer.getone())
        found, _ = await asyncio.wait({waiting}, timeout=0.5)
        assert not found, "there was nothing to read yet"
        await producer.send_and_wait(topic, b"now")
        message = await asyncio.wait_for(waiting, 10)
        await consumer.stop()
        await producer.stop()
        return message.value

    assert run(work()) == b"now"


def test_offsets_and_seeking(broker, topic):
    start = batches.now() - 60_000
    with wire.connect(broker) as connection:
        for number in range(5):
            wire.produce(connection, topic, batches.batch([(None, b"%d" % number)], timestamp=start + number * 1000))

    async def work():
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker.bootstrap)
        await consumer.start()
        one = aiokafka.TopicPartition(topic, 0)
        consumer.assign([one])
        assert await consumer.beginning_offsets([one]) == {one: 0}
        assert await consumer.end_offsets([one]) == {one: 5}
        found = (await consumer.offsets_for_times({one: start + 1500}))[one]
        assert (found.offset, found.timestamp) == (2, start + 2000)
        consumer.seek(one, 3)
        values = [(await consumer.getone()).value for _ in range(2)]
        await consumer.stop()
        return values

    assert run(work()) == [b"3", b"4"]


def test_admin_creates_and_deletes(broker, topic_name):
    async def work():
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(topic_name, 2, 1)])
        listed = await admin.list_topics()
        (described,) = await admin.describe_topics([topic_name])
        await admin.delete_topics([topic_name])
        gone = await admin.list_topics()
        await admin.close()
        return topic_name in listed, len(described["partitions"]), topic_name in gone

    assert run(work()) == (True, 2, False)
