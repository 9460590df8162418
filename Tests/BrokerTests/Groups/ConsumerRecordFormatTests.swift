import Groups
import Model
import NIOCore
import Testing
import Wire

@testable import Broker

private let group = GroupID("g")
private let member = MemberID("m")
private let topic = TopicID(high: 1, low: 2)
/// The topic's id on the wire.
private let topicBytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]

/// Compares key and value with Kafka's bytes, both ways.
private func check(_ record: ConsumerGroupRecord, key: [UInt8], value: [UInt8]?) throws {
    let encoded = try GroupRecordFormat.encode(.consumerGroup(group, record))
    #expect(Array(encoded.key.readableBytesView) == key)
    #expect(encoded.value.map { Array($0.readableBytesView) } == value)
    #expect(try GroupRecordFormat.decode(key: encoded.key, value: encoded.value) == .consumerGroup(group, record))
}

@Test func theEpochOfAGroupIsWrittenAsKafkaWritesIt() throws {
    let key: [UInt8] = [0, 3, 0, 1, 0x67]
    try check(
        .group(ConsumerGroupValue(epoch: MemberEpoch(5), metadataHash: 9)),
        key: key,
        value: [0, 0, 0, 0, 0, 5, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9]
    )
    try check(
        .group(ConsumerGroupValue(epoch: MemberEpoch(5), metadataHash: 0)),
        key: key,
        value: [0, 0, 0, 0, 0, 5, 0]
    )
    try check(.group(nil), key: key, value: nil)
}

@Test func aMemberIsWrittenAsKafkaWritesIt() throws {
    var subscription = ConsumerMemberSubscription()
    subscription.client = ClientIdentity(id: "c", host: "h")
    subscription.topics = ["t"]
    subscription.rebalanceTimeoutMilliseconds = 7
    let key: [UInt8] = [0, 5, 0, 1, 0x67, 0, 1, 0x6d]
    let plain: [UInt8] = [0, 0, 0, 0, 2, 0x63, 2, 0x68, 2, 2, 0x74, 0, 0, 0, 0, 7, 0]
    try check(.member(member, subscription), key: key, value: plain + [0])
    subscription.instanceID = InstanceID("i")
    subscription.rackID = "r"
    subscription.pattern = "p"
    subscription.assignor = "range"
    var classic = ConsumerMemberSubscription.ClassicTraits()
    classic.sessionTimeoutMilliseconds = 6
    classic.protocols = [JoinProtocol(name: "x", metadata: [8])]
    subscription.classic = classic
    let head: [UInt8] = [0, 0, 2, 0x69, 2, 0x72, 2, 0x63, 2, 0x68, 2, 2, 0x74, 2, 0x70, 0, 0, 0, 7]
    let assignor: [UInt8] = [6, 0x72, 0x61, 0x6e, 0x67, 0x65]
    let traits: [UInt8] = [1, 0, 12, 1, 0, 0, 0, 6, 2, 2, 0x78, 2, 8, 0, 0]
    try check(.member(member, subscription), key: key, value: head + assignor + traits)
    try check(.member(member, nil), key: key, value: nil)
}

@Test func targetsAreWrittenAsKafkaWritesThem() throws {
    let assigned = ConsumerAssignmentValue(epoch: MemberEpoch(5), assigned: Timestamp(milliseconds: 3))
    try check(
        .assignmentEpoch(assigned),
        key: [0, 6, 0, 1, 0x67],
        value: [0, 0, 0, 0, 0, 5, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3]
    )
    try check(.assignmentEpoch(nil), key: [0, 6, 0, 1, 0x67], value: nil)
    let key: [UInt8] = [0, 7, 0, 1, 0x67, 0, 1, 0x6d]
    try check(
        .target(member, PartitionSet([PartitionID(topic, 1), PartitionID(topic, 0)])),
        key: key,
        value: [0, 0, 2] + topicBytes + [3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    )
    try check(.target(member, PartitionSet()), key: key, value: [0, 0, 1, 0])
    try check(.target(member, nil), key: key, value: nil)
}

@Test func whatAMemberHoldsIsWrittenAsKafkaWritesIt() throws {
    var current = CurrentAssignment()
    current.epoch = MemberEpoch(5)
    current.previousEpoch = MemberEpoch(4)
    current.state = .unrevoked
    current.assigned[PartitionID(topic, 1)] = MemberEpoch(3)
    let key: [UInt8] = [0, 8, 0, 1, 0x67, 0, 1, 0x6d]
    let head: [UInt8] = [0, 0, 0, 0, 0, 5, 0, 0, 0, 4, 1]
    let assigned: [UInt8] = [2] + topicBytes + [2, 0, 0, 0, 1, 1, 0, 5, 2, 0, 0, 0, 3]
    try check(.current(member, current), key: key, value: head + assigned + [1, 0])
    try check(.current(member, nil), key: key, value: nil)
}

@Test func anAssignmentOfAnOlderBrokerIsAsOldAsItsMember() throws {
    let key = ByteBuffer(bytes: [0, 8, 0, 1, 0x67, 0, 1, 0x6d])
    let value = ByteBuffer(
        bytes: [0, 0, 0, 0, 0, 5, 0, 0, 0, 4, 99, 2] + topicBytes + [2, 0, 0, 0, 1, 0] + [1, 0] as [UInt8]
    )
    var expected = CurrentAssignment()
    expected.epoch = MemberEpoch(5)
    expected.previousEpoch = MemberEpoch(4)
    expected.state = .unknown
    expected.assigned[PartitionID(topic, 1)] = MemberEpoch(5)
    #expect(try GroupRecordFormat.decode(key: key, value: value) == .consumerGroup(group, .current(member, expected)))
}

@Test func aRegularExpressionIsWrittenAsKafkaWritesIt() throws {
    let key: [UInt8] = [0, 16, 0, 1, 0x67, 0, 2, 0x61, 0x2a]
    try check(
        .pattern("a*", ResolvedPattern(topics: ["a", "aa"], revision: 4, resolved: Timestamp(milliseconds: 3))),
        key: key,
        value: [0, 0, 3, 2, 0x61, 3, 0x61, 0x61, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 3, 0]
    )
    try check(.pattern("a*", nil), key: key, value: nil)
}

@Test(arguments: [[0, 3], [0, 5, 0, 1, 0x67], [0, 8, 0, 1, 0x67, 0, 9, 0x6d], [0, 16, 0xff, 0xff]] as [[UInt8]])
func aCutOffKeyOfAConsumerGroupIsNoKey(key: [UInt8]) {
    #expect(throws: WireError.self) { try GroupRecordFormat.decode(key: ByteBuffer(bytes: key), value: nil) }
}

@Test func recordsOfNewerVersionsAndOfOldKeysArePassedOver() throws {
    #expect(
        try GroupRecordFormat.decode(key: ByteBuffer(bytes: [0, 3, 0, 1, 0x67]), value: ByteBuffer(bytes: [0, 1]))
            == nil
    )
    #expect(
        try GroupRecordFormat.decode(key: ByteBuffer(bytes: [0, 4, 0, 1, 0x67]), value: ByteBuffer(bytes: [0, 0]))
            == nil
    )
}
