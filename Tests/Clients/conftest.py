"""Fixtures: brokers of the release binary, and topics with names of their own.

`broker` is shared by the tests of one file, which keep out of each other's way by their topics' names. A test that
stops, kills or starves its broker starts its own with `start_broker`.
"""

import itertools
import random
import zlib

import pytest

from harness import wire
from harness.broker import BINARY, Broker

numbers = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption(
        "--peer",
        metavar="HOST:PORT",
        help="test a broker that is already running, of any make; tests that start their own are skipped",
    )


def pytest_collection_modifyitems(config):
    if not config.getoption("--peer") and not BINARY.exists():
        pytest.exit(f"{BINARY} is missing, run scripts/build", returncode=2)


class Peer:
    """A broker that is not ours to start or stop."""

    def __init__(self, address):
        self.bootstrap = address
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))


@pytest.fixture(scope="module")
def broker(request, tmp_path_factory):
    """The file's broker; it must still be there at the end and stop cleanly."""
    if peer := request.config.getoption("--peer"):
        yield Peer(peer)
        return
    started = Broker(tmp_path_factory.mktemp("broker") / "data").start()
    yield started
    try:
        started.stop()
    finally:
        started.discard()


@pytest.fixture
def start_broker(request, tmp_path):
    """Starts brokers that belong to one test; those still running at its end must stop cleanly."""
    if request.config.getoption("--peer"):
        pytest.skip("needs a broker of its own")
    brokers = []

    def start(*arguments, data=None, **options):
        broker = Broker(data or tmp_path / f"data{len(brokers)}", *arguments, **options)
        brokers.append(broker)
        return broker.start()

    yield start
    try:
        for one in brokers:
            one.stop()
    finally:
        for one in brokers:
            one.discard()


@pytest.fixture
def topic_name(request):
    """A name no other test uses, which tells the test it belongs to."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return f"{name[:60]}-{next(numbers)}"


@pytest.fixture
def topic(broker, topic_name):
    """A topic of one partition on the file's broker."""
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, topic_name).error_code == 0
    return topic_name


@pytest.fixture
def make_topic(broker, topic_name):
    """Creates a topic with what the test needs and returns its name."""

    def make(partitions=1, **configs):
        name = f"{topic_name}-{next(numbers)}"
        settings = {key.replace("_", "."): str(value) for key, value in configs.items()}
        with wire.connect(broker) as connection:
            result = wire.create_topic(connection, name, partitions, settings)
        assert result.error_code == 0, result
        return name

    return make


@pytest.fixture
def connection(broker):
    """A raw connection to the file's broker."""
    with wire.connect(broker) as opened:
        yield opened


@pytest.fixture
def rng(request):
    """Random, but the same in each run of the same test."""
    return random.Random(zlib.crc32(request.node.nodeid.encode()))
