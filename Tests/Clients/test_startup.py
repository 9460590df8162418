"""Starting: the ready line, and one clear line when it cannot start."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness import wire
from harness.broker import BINARY, Broker, run_martlet

SECONDS = 10


def serve(data, *arguments, environment=None):
    """Runs a broker that is expected to end by itself."""
    return run_martlet("serve", "--data", data, *arguments, timeout=SECONDS, environment=environment)


def only_line(result):
    """What it said before it gave up, which must be one line that is not a stack trace."""
    assert result.returncode not in (0, -6, -4, -5, -11), result
    lines = [line for line in (result.stdout + result.stderr).decode().splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def test_the_ready_line_says_address_data_pid_and_version(start_broker):
    broker = start_broker()
    line = broker.ready_line
    assert f"127.0.0.1:{broker.port}" in line
    assert str(broker.data) in line
    assert re.search(rf"\b{broker.pid}\b", line)
    version = run_martlet("--version").stdout.decode().strip()
    assert version and version.split()[-1] in line
    assert [one for one in broker.output if "ready" in one.lower()] == [line + "\n"]


def test_the_data_directory_is_made(start_broker, tmp_path):
    broker = start_broker(data=tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c" / "meta.properties").exists()
    broker.assert_running()


def test_a_taken_port(start_broker, tmp_path):
    broker = start_broker()
    # Often: what had been started already has to stop, whatever its threads have come to.
    for _ in range(20):
        line = only_line(serve(tmp_path / "other", "--listen", broker.bootstrap))
        assert str(broker.port) in line


def test_a_data_directory_in_use_names_the_pid_that_holds_it(start_broker):
    broker = start_broker()
    line = only_line(serve(broker.data, "--listen", "127.0.0.1:0"))
    assert str(broker.pid) in line
    assert str(broker.data) in line
    with wire.connect(broker) as connection:
        assert connection.call(wire.api_versions()).error_code == 0


def test_the_directory_is_free_again_after_a_kill(start_broker):
    broker = start_broker()
    broker.kill9()
    broker.start()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("num.partition=3", ["num.partition", "num.partitions"]),
        ("log.retention.hour=3", ["log.retention.hour", "log.retention.hours"]),
        ("num.partitions=many", ["num.partitions", "many"]),
        ("num.partitions=0", ["num.partitions", "0"]),
        ("log.segment.bytes=5", ["log.segment.bytes", "5"]),
    ],
)
def test_a_bad_setting_is_named_with_the_nearest_valid_one(tmp_path, setting, words):
    line = only_line(serve(tmp_path / "data", "--listen", "127.0.0.1:0", "--set", setting))
    for word in words:
        assert word in line
    assert not (tmp_path / "data").exists() or not list((tmp_path / "data").iterdir())


def test_a_setting_without_a_value(tmp_path):
    result = serve(tmp_path / "data", "--set", "num.partitions")
    assert result.returncode != 0
    assert b"num.partitions" in result.stdout + result.stderr


def test_a_bad_environment_variable(tmp_path):
    result = serve(tmp_path / "data", "--listen", "127.0.0.1:0", environment={"MARTLET_NUM_PARTITION": "3"})
    line = only_line(result)
    assert re.search(r"\bMARTLET_NUM_PARTITION\b", line)
    assert re.search(r"\bMARTLET_NUM_PARTITIONS\b", line)


def test_a_configuration_that_cannot_be_read(tmp_path):
    line = only_line(serve(tmp_path / "data", "--config", tmp_path / "missing.properties"))
    assert "missing.properties" in line


def test_a_configuration_with_an_unknown_key(tmp_path):
    file = tmp_path / "server.properties"
    file.write_text("# mine\nnum.partitions=2\n\nlog.retention.byte=100\n")
    line = only_line(serve(tmp_path / "data", "--listen", "127.0.0.1:0", "--config", file))
    assert "log.retention.bytes" in line


def test_settings_override_the_environment_which_overrides_the_file(tmp_path):
    from test_configs import BROKER, by_name, describe

    file = tmp_path / "server.properties"
    file.write_text("num.partitions=2\nlog.retention.hours=2\nmessage.max.bytes=200000\n")
    broker = Broker(
        tmp_path / "data",
        "--config",
        str(file),
        settings={"num.partitions": "4"},
        environment={"MARTLET_NUM_PARTITIONS": "3", "MARTLET_LOG_RETENTION_HOURS": "3"},
    ).start()
    try:
        with wire.connect(broker) as connection:
            (node,) = connection.call(wire.metadata([])).brokers
            found = by_name(describe(connection, BROKER, str(node.node_id)))
            values = {
                name: found[name].value for name in ("num.partitions", "log.retention.hours", "message.max.bytes")
            }
        assert values == {"num.partitions": "4", "log.retention.hours": "3", "message.max.bytes": "200000"}
        broker.stop()
    finally:
        broker.discard()


def test_a_data_path_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("not a directory")
    assert str(tmp_path / "data") in only_line(serve(tmp_path / "data", "--listen", "127.0.0.1:0"))


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:99999", "127.0.0.1:port", "999.0.0.1:9092", ""])
def test_an_impossible_address(tmp_path, listen):
    result = serve(tmp_path / "data", "--listen", listen)
    assert result.returncode not in (0, -6, -4, -5, -11)
    assert result.stdout or result.stderr


def test_the_example_configuration_is_valid(tmp_path):
    file = BINARY.parents[2] / "config" / "server.properties"
    broker = Broker(tmp_path / "data", "--config", str(file)).start()
    try:
        broker.stop()
    finally:
        broker.discard()


def test_it_serves_ipv6(tmp_path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    process = subprocess.Popen(
        [str(BINARY), "serve", "--data", str(tmp_path / "data"), "--listen", "[::1]:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = next(line for line in process.stdout if "ready" in line.lower())
        port = int(re.search(r"\[::1\]:(\d+)", line).group(1))
        with wire.Connection(("::1", port)) as connection:
            (node,) = connection.call(wire.metadata([])).brokers
            assert (node.host, node.port) == ("::1", port)
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_on_a_terminal_it_says_how_to_try_it(tmp_path):
    command = f"{BINARY} serve --data {tmp_path} --listen 127.0.0.1:0"
    with subprocess.Popen(["script", "-qec", command, "/dev/null"], stdout=subprocess.PIPE) as serve:
        watchdog = threading.Timer(60, serve.kill)
        watchdog.start()
        lines = []
        while not lines or b"stops it" not in lines[-1]:
            lines.append(serve.stdout.readline())
            assert lines[-1], lines
        watchdog.cancel()
        (ready,) = [line for line in lines if b" ready on " in line]
        address = re.search(rb"127\.0\.0\.1:\d+", ready).group().decode()
        tries = [line.decode().strip() for line in lines if b"-b " in line]
        assert len(tries) == 4 and all(f"-b {address}" in line for line in tries)
        os.kill(int(re.search(rb"pid (\d+)", ready).group(1)), signal.SIGTERM)
        assert serve.wait(30) == 0
