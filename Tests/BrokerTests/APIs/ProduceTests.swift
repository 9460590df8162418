import CommitLog
import Model
import NIOCore
import Records
import TestSupport
import Testing
import Wire

@testable import Broker

/// Produce: what is refused and how, and what is appended.
struct ProduceTests {
    private let broker: TestBroker
    private let connection: FakeConnection
    private let topicID: TopicID

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        topicID = try connection.createTopic("events", partitions: 3)
    }

    private func produce(
        _ batch: Batch = Batch(),
        to topic: String = "events",
        _ partition: Int32 = 0,
        version: Int16 = 12
    ) throws -> ProduceResponse.Partition {
        let request = try ProduceRequest.single(topic, partition, batch.bytes)
        return try #require(try connection.send(request, version: version).topics.first?.partitions.first)
    }

    private func end(_ topic: String = "events", _ partition: Int32 = 0) throws -> Int64 {
        try broker.partitionLog(topic, partition).offsets.logEnd.rawValue
    }

    // MARK: Acknowledgements

    @Test(arguments: [2, -2, .max, .min] as [Int16])
    func acknowledgementsThatDoNotExistAreRefusedForEveryPartition(acks: Int16) throws {
        var request = try ProduceRequest.single("events", 0, Batch().bytes, acks: acks)
        request.topics[0].partitions.append(request.topics[0].partitions[0])
        request.topics[0].partitions[1].index = 2
        for version in ProduceRequest.api.versions {
            let partitions = try #require(try connection.send(request, version: version).topics.first).partitions
            #expect(partitions.map(\.errorCode) == [.invalidRequiredAcks, .invalidRequiredAcks])
            #expect(partitions.map(\.index) == [0, 2])
            #expect(partitions.map(\.baseOffset) == [-1, -1])
        }
        #expect(try end() == 0)
    }

    @Test func withoutAcknowledgementsThereIsNoResponseButTheRecordsAreThere() throws {
        let pending = try connection.begin(
            ProduceRequest.single("events", 0, Batch(["a", "b"]).bytes, acks: 0),
            version: 9
        )
        guard case .nothing = try connection.answer(to: pending.number) else {
            Issue.record("a produce request with acks=0 got a response")
            return
        }
        #expect(try end() == 2)
        #expect(connection.isOpen)
    }

    @Test func withoutAcknowledgementsAFailureEndsTheConnection() throws {
        _ = try connection.begin(ProduceRequest.single("missing", 0, Batch().bytes, acks: 0), version: 9)
        #expect(connection.refusals.count == 1)
        #expect(connection.refusals.first?.contains("UNKNOWN_TOPIC_OR_PARTITION") == true)
        #expect(connection.answers[1] == nil)
    }

    /// A response that the producer does not wait for would be taken for that of its next request.
    @Test func withoutAcknowledgementsATransactionEndsTheConnection() throws {
        var request = try ProduceRequest.single("events", 0, Batch().bytes, acks: 0)
        request.transactionalID = "payments"
        _ = try connection.begin(request, version: 9)
        #expect(connection.refusals.count == 1)
        #expect(connection.answers[1] == nil)
    }

    @Test(arguments: [1, -1] as [Int16])
    func acknowledgementsOfTheLeaderAndOfAllTellTheOffset(acks: Int16) throws {
        for version in ProduceRequest.api.versions where version <= 12 {
            let expected = try end()
            let request = try ProduceRequest.single("events", 0, Batch(["a", "b"]).bytes, acks: acks)
            let result = try #require(try connection.send(request, version: version).topics.first?.partitions.first)
            #expect(result.errorCode == .none)
            #expect(result.baseOffset == expected)
            #expect(result.logAppendTimeMilliseconds == -1)
        }
    }

    // MARK: Where to

    @Test(arguments: [
        ("missing", 0), ("events", 3), ("events", -1), ("events", .max), ("", 0), ("__martlet_catalogue", 0),
    ])
    func topicsAndPartitionsThatAreNotThereAreUnknown(topic: String, partition: Int32) throws {
        for version: Int16 in [3, 12] {
            let result = try produce(to: topic, partition, version: version)
            #expect(result.errorCode == .unknownTopicOrPartition)
            #expect(result.baseOffset == -1)
        }
    }

    @Test func aTopicIDThatIsNotThereIsUnknownAndAPartitionOfAKnownOneToo() throws {
        var request = try ProduceRequest.single("", 0, Batch().bytes)
        request.topics[0].topicID = TopicID(high: 1, low: 2)
        var known = request.topics[0]
        known.topicID = topicID
        known.partitions[0].index = 3
        request.topics.append(known)
        known.partitions[0].index = 1
        request.topics.append(known)
        let topics = try connection.send(request, version: 13).topics
        #expect(
            topics.map { $0.partitions[0].errorCode } == [.unknownTopicId, .unknownTopicOrPartition, .none]
        )
        #expect(topics.map(\.topicID) == [TopicID(high: 1, low: 2), topicID, topicID])
        #expect(try end("events", 1) == 1)
    }

    // MARK: What

    @Test func transactionsAreRefused() throws {
        var request = try ProduceRequest.single("events", 0, Batch().bytes)
        request.transactionalID = "payments"
        let result = try #require(try connection.send(request, version: 12).topics.first?.partitions.first)
        #expect(result.errorCode == .invalidTxnState)
        #expect(try end() == 0)
    }

    /// Nobody would ever end the transaction, and its records would be seen by consumers that want committed ones only.
    @Test func aTransactionalBatchOutsideATransactionIsRefused() throws {
        var batch = Batch()
        (batch.producer, batch.epoch, batch.sequence, batch.isTransactional) = (ProducerID(7), 0, 0, true)
        #expect(try produce(batch).errorCode == .invalidTxnState)
        #expect(try end() == 0)
    }

    @Test(arguments: [RecordsField.null, .bytes(ByteBuffer())])
    func aPartitionWithoutRecordsIsRefused(records: RecordsField) throws {
        var request = try ProduceRequest.single("events", 0, Batch().bytes)
        request.topics[0].partitions[0].records = records
        for version: Int16 in [3, 8, 12] {
            let result = try #require(try connection.send(request, version: version).topics.first?.partitions.first)
            #expect(result.errorCode == .invalidRecord)
        }
    }

    @Test func aBadPartitionDoesNotHarmItsNeighbours() throws {
        var request = try ProduceRequest.single("events", 0, Batch(["first"]).bytes)
        var damaged = try Batch(["damaged"]).bytes
        damaged.setInteger(UInt8(0xff), at: damaged.writerIndex - 3)
        for (index, records) in [(1, damaged), (9, try Batch().bytes), (2, try Batch(["last"]).bytes)] {
            var partition = ProduceRequest.Partition()
            partition.index = Int32(index)
            partition.records = .bytes(records)
            request.topics[0].partitions.append(partition)
        }
        let results = try #require(try connection.send(request, version: 12).topics.first).partitions
        #expect(results.map(\.index) == [0, 1, 9, 2])
        #expect(results.map(\.errorCode) == [.none, .corruptMessage, .unknownTopicOrPartition, .none])
        #expect(results.map(\.baseOffset) == [0, -1, -1, 0])
        #expect(try (0..<3).map { try end("events", $0) } == [1, 0, 1])
    }

    @Test func twoBatchesForOnePartitionAreRefused() throws {
        var both = try Batch().bytes
        both.writeImmutableBuffer(try Batch().bytes)
        let request = ProduceRequest.single("events", 0, both)
        let result = try #require(try connection.send(request, version: 12).topics.first?.partitions.first)
        #expect(result.errorCode == .invalidRecord)
        #expect(try end() == 0)
    }

    @Test func aRecordWithoutAKeyIsNamedWhereTheTopicIsCompacted() throws {
        try connection.createTopic("table", configs: ["cleanup.policy": "compact"])
        var builder = BatchBuilder()
        for key in ["a", "b", nil, nil] {
            try builder.append(
                key: key.map { ByteBuffer(string: $0) },
                value: ByteBuffer(string: "value"),
                timestamp: broker.time.now
            )
        }
        let request = ProduceRequest.single("table", 0, try builder.finish())
        for version in ProduceRequest.api.versions where version <= 12 {
            let result = try #require(try connection.send(request, version: version).topics.first?.partitions.first)
            #expect(result.errorCode == .invalidRecord)
            guard version >= 8 else { continue }
            #expect(result.recordErrors.map(\.batchIndex) == [2])
            #expect(result.errorMessage?.hasPrefix("table-0: ") == true)
        }
        #expect(try end("table") == 0)
        #expect(try produce(to: "table").errorCode == .none)
    }

    @Test func aRecordOfTheFutureIsNamed() throws {
        let hour: Int64 = 3_600_000
        let result = try produce(Batch(timestamp: broker.time.now.milliseconds + hour + 1))
        #expect(result.errorCode == .invalidTimestamp)
        #expect(result.recordErrors.map(\.batchIndex) == [0])
        #expect(try produce(Batch(timestamp: broker.time.now.milliseconds + hour)).errorCode == .none)
    }

    @Test func aBatchLargerThanTheTopicAllowsIsRefused() throws {
        try connection.createTopic("small", configs: ["max.message.bytes": "200"])
        #expect(try produce(Batch([String(repeating: "x", count: 200)]), to: "small").errorCode == .messageTooLarge)
        #expect(try produce(Batch(["x"]), to: "small").errorCode == .none)
    }

    // MARK: Idempotence

    private func idempotent(_ sequence: Int32, epoch: Int16 = 0, _ values: [String] = ["a", "b"]) -> Batch {
        var batch = Batch(values)
        (batch.producer, batch.epoch, batch.sequence) = (ProducerID(7), epoch, sequence)
        return batch
    }

    @Test func aBatchSentAgainGetsItsFirstOffsetAndIsNotAppendedAgain() throws {
        try connection.append(to: "events")
        #expect(try produce(idempotent(0)).baseOffset == 1)
        #expect(try produce(idempotent(2)).baseOffset == 3)
        for _ in 0..<3 { #expect(try produce(idempotent(0)).baseOffset == 1) }
        #expect(try produce(idempotent(2)).errorCode == .none)
        #expect(try end() == 5)
        try broker.restart(.kill)
        let again = try #require(
            try broker.connect().produce(.single("events", 0, idempotent(2).bytes)).topics.first
        )
        #expect(again.partitions[0].baseOffset == 3)
        #expect(try end() == 5)
    }

    @Test func aGapInTheSequenceAndAnOldEpochAreRefused() throws {
        #expect(try produce(idempotent(0, epoch: 1)).errorCode == .none)
        #expect(try produce(idempotent(5, epoch: 1)).errorCode == .outOfOrderSequenceNumber)
        #expect(try produce(idempotent(2, epoch: 0)).errorCode == .invalidProducerEpoch)
        #expect(try end() == 2)
    }

    // MARK: Time

    @Test func theBrokersTimeIsStampedAndToldWhereTheTopicWantsIt() throws {
        try connection.createTopic("stamped", configs: ["message.timestamp.type": "LogAppendTime"])
        let now = broker.time.now.milliseconds
        let batch = idempotent(0)
        #expect(try produce(batch, to: "stamped").logAppendTimeMilliseconds == now)
        broker.advance(milliseconds: 5_000)
        #expect(try produce(to: "stamped").logAppendTimeMilliseconds == now + 5_000)
        #expect(try produce(batch, to: "stamped").logAppendTimeMilliseconds == now)
        #expect(try produce().logAppendTimeMilliseconds == -1)
    }

    @Test func theStartOfTheLogIsTold() throws {
        for _ in 0..<4 { try connection.append(to: "events") }
        _ = try broker.partitionLog("events").deleteRecords(before: Offset(3))
        #expect(try produce().logStartOffset == 3)
    }

    // MARK: The disk

    @Test func aFailingDiskIsAnErrorAndALineASecond() throws {
        try connection.append(to: "events")
        broker.fileSystem.inject { operation, _ in operation == .write ? 5 : nil }
        for _ in 0..<3 { #expect(try produce().errorCode == .kafkaStorageError) }
        #expect(broker.logged("append to events-0 failed") == 1)
        broker.advance(milliseconds: 1_000)
        #expect(try produce().errorCode == .kafkaStorageError)
        #expect(broker.logged("append to events-0 failed") == 2)
        #expect(broker.logged("(2 similar before)") == 1)
    }
}
