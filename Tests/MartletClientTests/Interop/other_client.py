"""Another client's side of InteropTests: reads all of a topic, or writes to it, and says what there was, as JSON lines.

Usage: other_client.py read|write CLIENT HOST:PORT TOPIC PARTITIONS [CODEC]
"""

import base64
import json
import random
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Clients"))

from harness import clients, messages  # noqa: E402

COUNT = 300


def main():
    mode, name, bootstrap, topic, partitions, *codec = sys.argv[1:]
    client = clients.ALL[name]
    if mode == "read":
        for partition, received in sorted(client.consume(bootstrap, topic, int(partitions)).items()):
            for one in received:
                show(partition, one, one.offset, one.timestamp)
    else:
        sent = messages.some(random.Random(7), int(partitions), COUNT, headers=client.headers)
        client.produce(bootstrap, topic, sent, codec[0])
        for partition, own in sorted(clients.by_partition(sent).items()):
            for offset, one in enumerate(own):
                show(partition, one, offset, -1)


def show(partition, message, offset, timestamp):
    headers = [[name, text(value)] for name, value in message.headers]
    line = [partition, offset, timestamp, text(message.key), text(message.value), headers]
    print(json.dumps(line))


def text(value):
    return None if value is None else base64.b64encode(value).decode()


main()
