"""`martlet bench`: that it measures what it says, not how fast this machine is."""

import json
import subprocess

import pytest

from harness.broker import BINARY, run_martlet


@pytest.fixture
def measured(broker):
    """Runs a benchmark and returns its figures."""

    def run(*arguments):
        done = run_martlet("bench", *arguments, "--json", "-b", broker.bootstrap, timeout=120)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    return run


def topics(broker):
    return run_martlet("topic", "list", "-b", broker.bootstrap).stdout.decode()


def check_latencies(figures, name, count):
    latency = figures["latency_ms"][name]
    assert latency["count"] == count
    order = [latency[one] for one in ("min", "p50", "p90", "p99", "p99_9", "max")]
    assert order == sorted(order) and order[0] > 0 and latency["min"] <= latency["mean"] <= latency["max"]


def test_what_is_produced_is_there(broker, topic, measured):
    figures = measured("produce", topic, "--records", "20000", "--size", "100", "--keys", "10")
    assert (figures["records"], figures["bytes"]) == (20000, 2_000_000)
    assert figures["records_per_second"] == pytest.approx(20000 / figures["seconds"], rel=0.01)
    assert figures["client_cpu_seconds"] > 0
    check_latencies(figures, "ack", 20000 // 32)
    # One more finds the way.
    found = measured("consume", topic)
    assert (
        found["records"] == 20001
        and found["bytes"] == 20001 * 100 + sum(len(f"key-{n % 10}") for n in range(20000)) + 5
    )
    assert measured("consume", topic, "--records", "77")["records"] == 77


def test_a_topic_of_its_own_is_deleted(broker, measured):
    figures = measured("produce", "--records", "1000", "--rate", "5000", "--partitions", "3")
    check_latencies(figures, "ack", 1000)
    assert figures["seconds"] >= 0.19
    assert "martlet-bench" in figures["topic"] and figures["topic"] not in topics(broker)


def test_latency_to_the_reader(broker, measured):
    figures = measured("latency", "--rate", "500", "--duration", "2")
    assert figures["records"] == 1000
    check_latencies(figures, "ack", 1000)
    check_latencies(figures, "end_to_end", 1000)
    assert "martlet-bench" not in topics(broker)


def test_others_records_are_not_counted(broker, topic, measured):
    run_martlet("bench", "produce", topic, "--records", "5000", "-b", broker.bootstrap)
    assert measured("latency", topic, "--rate", "100", "--duration", "1")["records"] == 100


def test_tables_and_a_live_line_are_for_people(broker):
    command = f"{BINARY} bench produce --records 2000 --rate 1500 -b {broker.bootstrap}"
    seen = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, check=True, timeout=60).stdout
    assert b"records/s" in seen and b"P99.9" in seen and b"\x1b[K" in seen
    plain = subprocess.run(command.split(), capture_output=True, check=True, timeout=60)
    assert b"P99.9" in plain.stdout and b"\x1b" not in plain.stdout + plain.stderr


def test_a_topic_that_is_not_there(broker, topic_name):
    for arguments in (["consume", topic_name], ["produce", topic_name], ["latency", topic_name]):
        done = run_martlet("bench", *arguments, "-b", broker.bootstrap)
        assert done.returncode == 1 and topic_name.encode() in done.stderr
