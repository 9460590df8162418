"""Members of a consumer group (KIP-848) by the thousand, in one thread, which do what client libraries do."""

import struct
import uuid

from members import FENCED_MEMBER_EPOCH, UNKNOWN_MEMBER_ID, Crowd, Member, Reader

CONSUMER_HEARTBEAT = 68
REBALANCE_MILLISECONDS = 300_000
JOINING, LEAVING = 0, -1
NOTHING = b"\0"
NO_TAGS = b"\0"


def number(value):
    """An unsigned varint."""
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def compact(value):
    encoded = value.encode()
    return number(len(encoded) + 1) + encoded


class CompactReader(Reader):
    """Takes a flexible response apart."""

    def number(self):
        value = shift = 0
        while True:
            (byte,) = self.take(">B")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self):
        length = self.number()
        return None if length == 0 else self.bytes(length - 1).decode()

    def tags(self):
        for _ in range(self.number()):
            self.number()
            self.bytes(self.number())

    def assignment(self):
        """The partitions by topic; nothing if there is none to be told."""
        if self.take(">b")[0] < 0:
            return None
        topics = {}
        for _ in range(self.number() - 1):
            topic = self.bytes(16)
            count = self.number() - 1
            topics[topic] = set(self.take(f">{count}i"))
            self.tags()
        return topics


class ConsumerMember(Member):
    """One consumer: joins, takes over what it is given, gives back at once what it is to give back, and says so."""

    def __init__(self, crowd, count):
        super().__init__(crowd, count)
        self.id = uuid.UUID(int=crowd.random.getrandbits(128)).hex
        self.owned = {}

    def join(self):
        self.owned = {}
        self.generation = JOINING
        self.say(JOINING, everything=True, owned={})

    def heartbeat(self):
        self.say(self.generation)

    def leave(self):
        self.say(LEAVING)

    def say(self, epoch, everything=False, owned=None):
        client = f"member-{self.number}".encode()
        header = struct.pack(">hhih", CONSUMER_HEARTBEAT, 1, 1, len(client)) + client + NO_TAGS
        body = compact(self.crowd.group) + compact(self.id) + struct.pack(">i", epoch) + NOTHING + NOTHING
        body += struct.pack(">i", REBALANCE_MILLISECONDS if everything else -1)
        body += number(2) + compact(self.crowd.topic) if everything else NOTHING
        body += NOTHING + NOTHING
        if owned is None:
            body += NOTHING
        else:
            body += number(len(owned) + 1)
            for topic, partitions in owned.items():
                body += topic + number(len(partitions) + 1) + struct.pack(f">{len(partitions)}i", *sorted(partitions))
                body += NO_TAGS
        self.write(CONSUMER_HEARTBEAT, header + body + NO_TAGS)

    def answered(self, _, frame):
        response = CompactReader(frame)
        response.tags()
        _, error = response.take(">ih")
        message = response.text()
        response.text()
        epoch, interval = response.take(">ii")
        if epoch == LEAVING and not error:
            return self.crowd.remove(self)
        if error in (FENCED_MEMBER_EPOCH, UNKNOWN_MEMBER_ID):
            return self.crowd.remove(self) if self.is_leaving else self.join()
        if error:
            raise RuntimeError(f"member {self.number}: error {error}, {message}")
        self.generation = epoch
        self.crowd.note_assignment(self)
        assignment = response.assignment()
        if assignment is not None and assignment != self.owned:
            self.owned = assignment
            if not self.is_leaving:
                return self.say(epoch, owned=self.owned)
        return self.crowd.schedule(self, interval / 1000)


class ConsumerCrowd(Crowd):
    """All members of one consumer group."""

    member_type = ConsumerMember

    def is_stable(self):
        """Each partition is somebody's, as of the same epoch, and nobody has two more than another."""
        if any(one.generation != self.newest or one.waiting is not None for one in self.members):
            return False
        loads = [sum(map(len, one.owned.values())) for one in self.members]
        held = {partition for one in self.members for part in one.owned.values() for partition in part}
        return sum(loads) == len(held) == self.partitions and max(loads) - min(loads) <= 1
