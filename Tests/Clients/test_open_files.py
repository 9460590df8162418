"""A broker with few file descriptors: it closes what it can spare, sheds connections, and blames no disk."""

import contextlib
import os
import signal
import socket

from harness import batches, wire
from harness.errors import Error

LIMIT = 256
PARTITIONS = 1000
CLIENTS = 500
# Runs what follows with no more descriptors than that.
STARVED = ["sh", "-c", f'ulimit -n {LIMIT}; "$@"', "sh"]


def produce_everywhere(connection, topic):
    for partition in range(PARTITIONS):
        produced = wire.produce(connection, topic, batches.batch([(None, b"v")]), partition=partition)
        assert produced.error_code == Error.NONE


def ends_everywhere(connection, topic):
    """The end of each partition, read back from its records."""
    ends = []
    for partition in range(PARTITIONS):
        fetched, _ = wire.fetch(connection, topic, 0, partition=partition)
        assert fetched.error_code == Error.NONE
        ends.append(fetched.high_watermark)
    return ends


def test_many_partitions_and_clients_share_few_descriptors(start_broker, topic_name):
    broker = start_broker(under=STARVED)
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, topic_name, PARTITIONS).error_code == Error.NONE
        produce_everywhere(connection, topic_name)
        with contextlib.ExitStack() as crowd:
            refused = 0
            for _ in range(CLIENTS):
                client = crowd.enter_context(socket.create_connection(broker.address, 5))
                client.settimeout(0.02)
                try:
                    refused += client.recv(1) == b""
                except TimeoutError:
                    pass
                except ConnectionResetError:
                    refused += 1
            assert 0 < refused < CLIENTS
            assert broker.descriptors() <= LIMIT
            # Those who are in are served, whatever the crowd does.
            produce_everywhere(connection, topic_name)
        assert ends_everywhere(connection, topic_name) == [2] * PARTITIONS
    assert "refused a connection" in broker.log
    assert "offline" not in broker.log and "Too many open files" not in broker.log
    for ends_cleanly in (True, False):
        if ends_cleanly:
            broker.stop()
        else:
            os.kill(broker.pid, signal.SIGKILL)
            broker.kill9()
        broker.start()
        with wire.connect(broker) as connection:
            assert ends_everywhere(connection, topic_name) == [2] * PARTITIONS
        assert broker.descriptors() <= LIMIT
