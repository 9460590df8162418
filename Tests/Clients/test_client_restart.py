"""MartletClient while its broker is killed and started again: nothing is lost, and nothing is there twice."""

import subprocess
import threading

from harness.broker import BINARY
from harness.clients import Confluent

RECORDS = 120_000
KILLS = 3
PARTITIONS = 3
SECONDS = 240


def martlet(*arguments):
    return subprocess.Popen(
        [str(BINARY), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def kill_and_start(broker):
    broker.kill9()
    broker.start()


def numbers(messages):
    return [int(message.value.split(b" ")[0]) for message in messages]


def test_producer_loses_and_repeats_nothing(start_broker, topic_name):
    broker = start_broker("--set", f"num.partitions={PARTITIONS}")
    producer = martlet("produce", topic_name, "-b", broker.bootstrap)
    share = RECORDS // (KILLS + 1)
    for part in range(KILLS + 1):
        for number in range(part * share, (part + 1) * share):
            producer.stdin.write(b"%d of many, with some bytes more\n" % number)
        producer.stdin.flush()
        if part < KILLS:
            kill_and_start(broker)
    _, said = producer.communicate(timeout=SECONDS)
    assert producer.returncode == 0, said
    received = {
        number: numbers(messages)
        for number, messages in Confluent.consume(broker.bootstrap, topic_name, PARTITIONS).items()
    }
    for partition, own in received.items():
        assert own == sorted(own), f"partition {partition} is out of order"
    assert sorted(sum(received.values(), [])) == list(range(RECORDS))


def test_consumer_loses_and_repeats_nothing(start_broker, topic_name):
    broker = start_broker("--set", f"num.partitions={PARTITIONS}")
    lines = b"".join(b"%d\n" % number for number in range(RECORDS))
    producer = martlet("produce", topic_name, "-b", broker.bootstrap)
    producer.communicate(lines, timeout=SECONDS)
    assert producer.returncode == 0
    consumer = martlet("consume", topic_name, "--from", "beginning", "-e", "-f", "%p %o\\n", "-b", broker.bootstrap)
    watchdog = threading.Timer(SECONDS, consumer.kill)
    watchdog.start()
    try:
        places = []
        for line in consumer.stdout:
            places.append(tuple(map(int, line.split())))
            if len(places) in range(RECORDS // 4, RECORDS, RECORDS // 4) and len(places) < RECORDS:
                # The pipe is full by now, so that the consumer is in the middle of its work.
                kill_and_start(broker)
        assert consumer.wait(SECONDS) == 0, consumer.stderr.read()
    finally:
        watchdog.cancel()
        consumer.kill()
    for partition in range(PARTITIONS):
        offsets = [offset for place, offset in places if place == partition]
        assert offsets == list(range(len(offsets)))
    assert len(places) == RECORDS
