"""`martlet doctor`: that it names the step that fails, and what a client elsewhere would see."""

import json
import socket
import subprocess
import threading

import pytest

from harness.broker import BINARY, run_martlet


def doctor(address, *arguments, status=0):
    done = run_martlet("doctor", "-b", address, "--json", *arguments, timeout=60)
    assert done.returncode == status, done
    return json.loads(done.stdout)


def checks(report, name):
    return [one for one in report["checks"] if one["check"] == name]


def test_a_broker_that_is_well(broker):
    report = doctor(broker.bootstrap)
    assert not [one for one in report["checks"] if one["status"] in ("failure", "unknown")], report
    for name in (
        "connect",
        "protocol",
        "versions",
        "cluster",
        "advertised",
        "disk",
        "health",
        "limits",
        "write",
        "clock",
    ):
        assert checks(report, name), name
    assert broker.bootstrap in checks(report, "advertised")[0]["message"]
    assert str(broker.data) in checks(report, "disk")[0]["message"]
    # The topic it has made is gone.
    topics = run_martlet("topic", "list", "-b", broker.bootstrap, "--json")
    assert not [one for one in json.loads(topics.stdout) if "doctor" in one["name"]]


def test_read_only_makes_no_topic(broker):
    report = doctor(broker.bootstrap, "--read-only")
    assert not checks(report, "write") and not checks(report, "clock")


def test_nobody_there():
    report = doctor("127.0.0.1:1", status=69)
    (failed,) = checks(report, "connect")
    assert failed["status"] == "failure" and "refused" in failed["message"].lower() and failed["remedy"]


def test_no_such_name():
    report = doctor("no.such.host.invalid:9092", status=69)
    assert checks(report, "name")[0]["status"] == "failure" and report["status"] == "failure"


def test_another_protocol():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            try:
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(1000)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        report = doctor(f"127.0.0.1:{listener.getsockname()[1]}", status=69)
    assert checks(report, "connect")[0]["status"] == "ok"
    assert "HTTP" in checks(report, "protocol")[0]["message"]


def test_one_of_several_addresses_is_enough(broker):
    report = doctor(f"127.0.0.1:1,{broker.bootstrap}", status=1)
    assert [one["status"] for one in checks(report, "connect")] == ["failure", "ok"]
    assert checks(report, "advertised")


def test_an_advertised_address_that_leads_nowhere(start_broker):
    """The commonest trouble with Kafka: the first connection works, the next goes elsewhere."""
    broker = start_broker("--set", "advertised.listeners=PLAINTEXT://127.0.0.1:1")
    report = doctor(broker.bootstrap, "--read-only", status=1)
    failed = [one for one in checks(report, "advertised") if one["status"] == "failure"]
    assert failed and "127.0.0.1:1" in failed[0]["message"] and "advertised.listeners" in failed[0]["remedy"]


def own_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_what_clients_elsewhere_see(start_broker):
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    closed = start_broker()
    (outside, *_) = checks(doctor(closed.bootstrap, "--read-only"), "outside")
    assert "Only programs on this machine" in outside["message"] and "0.0.0.0" in outside["remedy"]
    # Listening everywhere, it tells each client the address that it has come to.
    opened = start_broker()
    opened.stop()
    opened.host, opened.port = "0.0.0.0", 0
    opened.start()
    report = doctor(f"127.0.0.1:{opened.port}", "--read-only")
    assert f"told to connect to {address}:{opened.port}" in " ".join(
        one["message"] for one in checks(report, "outside")
    )


def test_an_advertised_loopback_address_is_a_trap_for_others(start_broker):
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    broker = start_broker("--set", "advertised.listeners=PLAINTEXT://127.0.0.1:9092")
    broker.stop()
    broker.host, broker.port = "0.0.0.0", 0
    broker.start()
    report = doctor(f"127.0.0.1:{broker.port}", "--read-only", status=1)
    trap = [one for one in checks(report, "outside") if one["status"] == "failure"]
    assert trap and "only programs on the broker's own machine" in trap[0]["message"]


def test_colours_are_for_terminals(broker):
    command = f"{BINARY} doctor -b {broker.bootstrap} --read-only"
    environment = {"TERM": "xterm", "PATH": "/usr/bin:/bin"}

    def seen(**more):
        return subprocess.run(
            ["script", "-qec", command, "/dev/null"],
            capture_output=True,
            check=True,
            timeout=60,
            env=environment | more,
        ).stdout

    assert b"\x1b[32mOK" in seen()
    assert b"\x1b[3" not in seen(NO_COLOR="1")
    plain = subprocess.run(command.split(), capture_output=True, check=True, timeout=60, env=environment)
    assert b"\x1b" not in plain.stdout and b"0 failed" in plain.stdout
