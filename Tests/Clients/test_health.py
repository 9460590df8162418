"""What is wrong with a broker, as an operator sees it."""

import json

from harness import wire
from harness.broker import run_martlet


def health(broker, *arguments):
    return run_martlet("health", "-b", broker.bootstrap, *arguments)


def test_a_broker_without_trouble_says_so(start_broker):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, "events", partitions=3)
    done = health(broker)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"healthy: 1 topics with 3 partitions\n"
    report = json.loads(health(broker, "--json").stdout)
    assert report == {"status": "healthy", "topics": 1, "partitions": 3, "offline_partitions": 0, "problems": []}


def test_nobody_there_is_a_failure(start_broker):
    broker = start_broker()
    broker.stop()
    done = health(broker)
    assert done.returncode == 1 and broker.bootstrap.encode() in done.stderr


def test_a_partition_that_cannot_be_opened_is_named_with_reason_and_remedy(start_broker):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, "events", partitions=2)
    broker.stop()
    (broker.data / "events-1" / "partition.metadata").write_text("version: 7\ntopic_id: nonsense\n")
    broker.start()
    done = health(broker)
    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "failing: 1 topics with 2 partitions, 1 of them offline"
    assert lines[1].startswith("  partition-offline (failing): events-1, since 20")
    assert "partition.metadata" in lines[2]
    assert lines[3].startswith("    To do: ")
    (problem,) = json.loads(health(broker, "--json").stdout)["problems"]
    assert (problem["kind"], problem["topic"], problem["partition"]) == ("partition-offline", "events", 1)
    described = run_martlet("topic", "describe", "events", "-b", broker.bootstrap).stdout.decode()
    assert "Problems:\n  partition-offline (failing): events-1" in described
    (topic,) = json.loads(run_martlet("topic", "describe", "events", "--json", "-b", broker.bootstrap).stdout)
    assert [one["subject"] for one in topic["problems"]] == ["events-1"]
