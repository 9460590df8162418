"""Members of a classic consumer group by the thousand, in one thread: no client library could be held so cheaply."""

import random
import selectors
import socket
import struct
import time
from heapq import heappop, heappush

from requests import text

JOIN, HEARTBEAT, LEAVE, SYNC = 11, 12, 13, 14
REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, MEMBER_ID_REQUIRED = 27, 25, 22, 79
FENCED_MEMBER_EPOCH = 110
SESSION_MILLISECONDS, REBALANCE_MILLISECONDS = 45_000, 60_000
NO_TEXT = struct.pack(">h", -1)


def blob(value):
    return struct.pack(">i", len(value)) + value


def subscription(topic):
    """What a consumer says of itself: the topics it reads."""
    return struct.pack(">hi", 0, 1) + text(topic) + struct.pack(">i", -1)


def assignment(topic, partitions):
    return (
        struct.pack(">hi", 0, 1)
        + text(topic)
        + struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
        + struct.pack(">i", -1)
    )


class Reader:
    """Takes a response apart."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, form):
        values = struct.unpack_from(form, self.data, self.position)
        self.position += struct.calcsize(form)
        return values

    def text(self):
        (length,) = self.take(">h")
        return None if length < 0 else self.bytes(length).decode()

    def blob(self):
        return self.bytes(self.take(">i")[0])

    def bytes(self, length):
        self.position += length
        return self.data[self.position - length : self.position]


class Member:
    """One consumer: joins, assigns if it leads, heartbeats, and joins again when it is told to."""

    def __init__(self, crowd, number):
        self.crowd, self.number = crowd, number
        self.id = ""
        self.generation = -1
        self.partitions = None
        self.waiting = None
        self.is_leaving = False
        self.received = b""
        self.socket = socket.create_connection(("127.0.0.1", crowd.port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, key, version, body):
        self.write(key, struct.pack(">hhi", key, version, 1) + text(f"member-{self.number}") + body)

    def write(self, key, request):
        self.waiting = key
        self.socket.sendall(struct.pack(">i", len(request)) + request)

    def join(self):
        self.partitions = None
        body = text(self.crowd.group) + struct.pack(">ii", SESSION_MILLISECONDS, REBALANCE_MILLISECONDS)
        body += text(self.id) + NO_TEXT + text("consumer") + struct.pack(">i", 1) + text("range")
        self.send(JOIN, 5, body + blob(subscription(self.crowd.topic)))

    def identity(self):
        return text(self.crowd.group) + struct.pack(">i", self.generation) + text(self.id) + NO_TEXT

    def heartbeat(self):
        self.send(HEARTBEAT, 3, self.identity())

    def leave(self):
        self.send(LEAVE, 1, text(self.crowd.group) + text(self.id))

    def receive(self):
        self.received += self.socket.recv(1 << 20)
        while len(self.received) >= 4:
            (length,) = struct.unpack_from(">i", self.received)
            if len(self.received) < 4 + length:
                return
            frame, self.received = self.received[8 : 4 + length], self.received[4 + length :]
            key, self.waiting = self.waiting, None
            self.answered(key, frame)

    def answered(self, key, frame):
        {JOIN: self.joined, SYNC: self.synced, HEARTBEAT: self.heard, LEAVE: self.left}[key](Reader(frame))

    def joined(self, response):
        _, error, generation = response.take(">ihi")
        response.text()
        leader, identity = response.text(), response.text()
        if error == MEMBER_ID_REQUIRED:
            self.id = identity
            self.join()
        elif error:
            self.fail(error)
        else:
            self.id, self.generation = identity, generation
            if self.is_leaving:
                self.leave()
            else:
                self.sync(leader == identity, response)

    def sync(self, is_leader, response):
        """Asks for its part; the leader, who was told all members, says first what everyone gets."""
        assignments = []
        if is_leader:
            members = []
            for _ in range(response.take(">i")[0]):
                members.append(response.text())
                response.text()
                response.blob()
            members.sort()
            for place, member in enumerate(members):
                part = range(place, self.crowd.partitions, len(members))
                assignments.append(text(member) + blob(assignment(self.crowd.topic, part)))
        self.send(SYNC, 3, self.identity() + struct.pack(">i", len(assignments)) + b"".join(assignments))

    def synced(self, response):
        _, error = response.take(">ih")
        if error:
            self.fail(error)
        else:
            self.partitions = response.blob()
            self.crowd.note_assignment(self)
            self.crowd.schedule(self)

    def heard(self, response):
        _, error = response.take(">ih")
        if error:
            self.fail(error)
        else:
            self.crowd.schedule(self)

    def left(self, response):
        _, error = response.take(">ih")
        if error and error != UNKNOWN_MEMBER_ID:
            raise RuntimeError(f"leaving: error {error}")
        self.crowd.remove(self)

    def fail(self, error):
        if error not in (REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION):
            raise RuntimeError(f"member {self.number}: error {error}")
        if error == UNKNOWN_MEMBER_ID:
            self.id = ""
        self.leave() if self.is_leaving and self.id else self.join()

    def depart(self):
        """Leaves as soon as it is not waiting for an answer."""
        self.is_leaving = True
        if self.waiting is None:
            self.leave()


class Crowd:
    """All members of one group, and what they have been given."""

    member_type = Member

    def __init__(self, port, group, topic, partitions, heartbeat_seconds):
        self.port, self.group, self.topic, self.partitions = port, group, topic, partitions
        self.heartbeat_seconds = heartbeat_seconds
        self.selector = selectors.DefaultSelector()
        self.random = random.Random(1)
        self.members = set()
        self.timers = []
        self.generations = 0
        self.newest = -1
        self.count = 0

    def add(self):
        """Connects one more member, which has not joined yet."""
        member = self.member_type(self, self.count)
        self.count += 1
        self.members.add(member)
        self.selector.register(member.socket, selectors.EVENT_READ, member)
        return member

    def remove(self, member):
        self.selector.unregister(member.socket)
        member.socket.close()
        self.members.remove(member)

    def schedule(self, member, seconds=None):
        """Has the member heartbeat again, after its group's interval or another one."""
        if member.is_leaving:
            member.leave()
        else:
            due = time.monotonic() + (seconds or self.heartbeat_seconds) * self.random.uniform(0.9, 1.1)
            heappush(self.timers, (due, member.number, member))

    def note_assignment(self, member):
        if member.generation != self.newest:
            self.newest = member.generation
            self.generations += 1

    def is_stable(self):
        """All have their parts in the same generation."""
        return all(one.partitions is not None and one.generation == self.newest for one in self.members)

    def step(self, seconds):
        for key, _ in self.selector.select(seconds):
            key.data.receive()
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            member = heappop(self.timers)[2]
            if member.waiting is None and not member.is_leaving:
                member.heartbeat()

    def run(self, until, patience):
        deadline = time.monotonic() + patience
        while not until():
            if time.monotonic() > deadline:
                raise TimeoutError(f"group {self.group} did not get there within {patience} s")
            self.step(0.01)

    def close(self):
        for member in self.members:
            member.socket.close()
        self.selector.close()
