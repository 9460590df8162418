import CommitLog
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// CreatePartitions: what is refused, and that nothing that was there changes.
struct CreatePartitionsTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        try connection.createTopic("events", partitions: 2, configs: ["retention.ms": "1000000"])
    }

    private func add(
        _ name: String = "events",
        total: Int32,
        assignments: [[Int32]]? = nil,
        validateOnly: Bool = false,
        version: Int16 = 3
    ) throws -> CreatePartitionsResponse.Topic {
        var topic = CreatePartitionsRequest.Topic()
        topic.name = name
        topic.partitionCount = total
        topic.assignments = assignments.map { lists in
            lists.map { list in
                var assignment = CreatePartitionsRequest.Assignment()
                assignment.brokerIDs = list
                return assignment
            }
        }
        var request = CreatePartitionsRequest()
        request.topics = [topic]
        request.validateOnly = validateOnly
        return try #require(try connection.send(request, version: version).topics.first)
    }

    private var count: Int { broker.broker.counts.partitions }

    @Test func aTopicThatIsNotThereIsUnknown() throws {
        for name in ["missing", "", EmbeddedCatalogue.topicName] {
            let result = try add(name, total: 5)
            #expect(result.errorCode == .unknownTopicOrPartition)
            #expect(result.name == name)
        }
    }

    @Test(arguments: [2, 1, 0, -1, .min, .max] as [Int32])
    func thereAreMorePartitionsAfterwardsButNotTooMany(total: Int32) throws {
        for version in CreatePartitionsRequest.api.versions {
            let result = try add(total: total, version: version)
            #expect(result.errorCode == .invalidPartitions)
            #expect(result.errorMessage?.isEmpty == false)
        }
        #expect(count == 2)
    }

    @Test func assignmentsAreForTheNewPartitionsAndThisBroker() throws {
        for assignments in [[], [[1]], [[1], [1], [1]], [[1], [2]], [[1], []], [[1], [1, 1]]] as [[[Int32]]] {
            #expect(try add(total: 4, assignments: assignments).errorCode == .invalidReplicaAssignment)
        }
        #expect(count == 2)
        #expect(try add(total: 4, assignments: [[1], [1]]).errorCode == .none)
        #expect(count == 4)
    }

    @Test func whatIsOnlyCheckedIsNotDone() throws {
        #expect(try add(total: 4, validateOnly: true).errorCode == .none)
        #expect(try add(total: 1, validateOnly: true).errorCode == .invalidPartitions)
        #expect(count == 2)
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func whatWasThereStaysAndWhatIsNewWorks(ending: TestBroker.Ending) throws {
        try connection.append(Batch(["old"]), to: "events", 1)
        try broker.partitionLog("events", 1).flush()
        let parked = try connection.beginFetch(.wanting([Wanted(index: 1, offset: 1)], wait: 60_000))
        let before = try connection.metadata(of: "events")
        #expect(try add(total: 5).errorCode == .none)
        #expect(!connection.isAnswered(parked))
        try connection.append(Batch(["next"]), to: "events", 1)
        #expect(try connection.finish(parked).allValues == ["next"])
        try connection.append(Batch(["new"]), to: "events", 4)
        for partition: Int32 in [1, 4] { try broker.partitionLog("events", partition).flush() }
        try broker.restart(ending)
        let connection = broker.connect()
        let after = try connection.metadata(of: "events")
        #expect(after.topicID == before.topicID)
        #expect(after.partitions.map(\.errorCode) == [.none, .none, .none, .none, .none])
        #expect(try connection.fetch(.wanting(0, 1, 2, 3, 4)).allValues == ["old", "next", "new"])
        #expect(broker.broker.topics.snapshot["events"]?.configs == ["retention.ms": "1000000"])
    }
}
