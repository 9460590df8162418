"""Whatever client produced, in whatever codec, every client consumes the same bytes in the same order."""

import pytest

from harness import clients, messages

PARTITIONS = 3


@pytest.mark.parametrize("codec", clients.CODECS)
@pytest.mark.parametrize("producer", clients.ALL)
def test_every_client_reads_what_one_wrote(broker, make_topic, rng, producer, codec):
    topic = make_topic(PARTITIONS)
    writer = clients.ALL[producer]
    on_lines = writer in (clients.Kcat, clients.Martlet)
    sent = messages.some(rng, PARTITIONS, on_lines=on_lines, headers=writer.headers)
    writer.produce(broker.bootstrap, topic, sent, codec)
    for name, reader in clients.ALL.items():
        received = reader.consume(broker.bootstrap, topic, PARTITIONS)
        expected = sent if reader.headers else [without_headers(one) for one in sent]
        try:
            clients.assert_same(expected, received)
        except AssertionError as difference:
            raise AssertionError(f"{name} reading: {difference}") from difference


def without_headers(message):
    return clients.Message(message.partition, message.key, message.value)


def test_one_partition_holds_batches_of_all_clients_and_codecs(broker, make_topic, rng):
    topic = make_topic(1)
    sent = []
    for writer in clients.ALL.values():
        for codec in clients.CODECS:
            some = messages.some(rng, 1, 20, on_lines=True)
            writer.produce(broker.bootstrap, topic, some, codec)
            sent += some
    for reader in clients.ALL.values():
        clients.assert_same(sent, reader.consume(broker.bootstrap, topic, 1))
