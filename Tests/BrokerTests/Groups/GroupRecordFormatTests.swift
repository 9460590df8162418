import Groups
import Model
import NIOCore
import Testing

@testable import Broker

private let group = GroupID("g")
private let partition = TopicPartition("t", 1)

private func bytes(_ bytes: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: bytes) }

@Test func anOffsetIsWrittenAsKafkaWritesIt() throws {
    let offset = CommittedOffset(
        offset: Offset(258),
        leaderEpoch: LeaderEpoch(3),
        metadata: "m",
        committed: Timestamp(milliseconds: 5)
    )
    let (key, value) = try GroupRecordFormat.encode(.offset(group, partition, offset))
    #expect(key == bytes([0, 1, 0, 1, 0x67, 0, 1, 0x74, 0, 0, 0, 1]))
    #expect(
        value == bytes([0, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 1, 0x6d, 0, 0, 0, 0, 0, 0, 0, 5])
    )
    #expect(try GroupRecordFormat.decode(key: key, value: value) == .offset(group, partition, offset))
}

@Test func anOffsetWithATimeOfItsOwnIsWrittenInTheVersionThatHasOne() throws {
    let offset = CommittedOffset(
        offset: Offset(1),
        committed: Timestamp(milliseconds: 5),
        expires: Timestamp(milliseconds: 9)
    )
    let (key, value) = try GroupRecordFormat.encode(.offset(group, partition, offset))
    #expect(
        value == bytes([0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9])
    )
    #expect(try GroupRecordFormat.decode(key: key, value: value) == .offset(group, partition, offset))
}

@Test func offsetsOfOldAndNewBrokersAreRead() throws {
    let key = bytes([0, 0, 0, 1, 0x67, 0, 1, 0x74, 0, 0, 0, 1])
    let old = bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])
    let new = bytes([0, 4, 0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0])
    let expected = CommittedOffset(offset: Offset(7), committed: Timestamp(milliseconds: 5))
    #expect(try GroupRecordFormat.decode(key: key, value: old) == .offset(group, partition, expected))
    #expect(try GroupRecordFormat.decode(key: key, value: new) == .offset(group, partition, expected))
    #expect(try GroupRecordFormat.decode(key: key, value: nil) == .offset(group, partition, nil))
}

@Test func aGroupIsWrittenAsKafkaWritesItAndReadAgain() throws {
    var member = ClassicGroupValue.Member()
    member.id = MemberID("m")
    member.client = ClientIdentity(id: "c", host: "h")
    member.rebalanceTimeoutMilliseconds = 2
    member.sessionTimeoutMilliseconds = 1
    member.subscription = [8]
    member.assignment = [9]
    var value = ClassicGroupValue()
    value.protocolType = "x"
    value.generation = Generation(4)
    value.protocolName = "r"
    value.leader = MemberID("m")
    value.stateTimestamp = Timestamp(milliseconds: 5)
    value.members = [member]
    let (key, stored) = try GroupRecordFormat.encode(.classicGroup(group, value))
    #expect(key == bytes([0, 2, 0, 1, 0x67]))
    let head: [UInt8] = [0, 3, 0, 1, 0x78, 0, 0, 0, 4, 0, 1, 0x72, 0, 1, 0x6d, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1]
    let tail: [UInt8] = [
        0, 1, 0x6d, 0xff, 0xff, 0, 1, 0x63, 0, 1, 0x68, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 1, 9,
    ]
    #expect(stored == bytes(head + tail))
    #expect(try GroupRecordFormat.decode(key: key, value: stored) == .classicGroup(group, value))
    let tombstone = try GroupRecordFormat.encode(.classicGroup(group, nil))
    #expect(tombstone.value == nil)
    #expect(try GroupRecordFormat.decode(key: tombstone.key, value: nil) == .classicGroup(group, nil))
}

@Test func recordsOfOtherKindsArePassedOver() throws {
    // A share group, a value of a version to come.
    #expect(try GroupRecordFormat.decode(key: bytes([0, 11, 0, 1, 0x67]), value: bytes([0, 0])) == nil)
    #expect(try GroupRecordFormat.decode(key: bytes([0, 2, 0, 1, 0x67]), value: bytes([0, 9])) == nil)
}

@Test(arguments: [[], [0], [0, 1], [0, 1, 0, 9, 0x67], [0, 2, 0xff, 0xff]] as [[UInt8]])
func keysThatAreDamagedAreRefused(key: [UInt8]) {
    #expect(throws: (any Error).self) { try GroupRecordFormat.decode(key: bytes(key), value: bytes([0, 3])) }
}

@Test(arguments: [("", 0), ("a", 47), ("my-group", 36), ("ж", 28)])
func aGroupsPartitionIsTheOneThatToolsLookAt(name: String, expected: Int) {
    #expect(GroupShards.partition(of: GroupID(name), count: 50) == expected)
}
