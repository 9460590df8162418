import CommitLog
import Glibc
import Model
import TestSupport
import Testing
import Wire

@testable import Broker

struct DescribeLogDirsTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker(["log.dirs": "/one,/two"])
        connection = broker.connect()
        try connection.createTopic("events", partitions: 4)
        try connection.createTopic("other")
    }

    private func describe(_ topics: [String: [Int32]]? = nil) throws -> [DescribeLogDirsResponse.Directory] {
        var request = DescribeLogDirsRequest()
        request.topics = topics?.map { name, partitions in
            var topic = DescribeLogDirsRequest.Topic()
            topic.name = name
            topic.partitions = partitions
            return topic
        }
        let response = try connection.send(request)
        #expect(response.errorCode == .none)
        return response.results
    }

    /// Partition numbers and sizes by topic, over all directories.
    private func sizes(_ directories: [DescribeLogDirsResponse.Directory]) -> [String: [Int32: Int64]] {
        var found: [String: [Int32: Int64]] = [:]
        for topic in directories.flatMap(\.topics) {
            for partition in topic.partitions { found[topic.name, default: [:]][partition.index] = partition.size }
        }
        return found
    }

    @Test func aDirectoryThatIsOutOfUseSaysSo() throws {
        let home = try #require(try describe(["events": [0]]).first { !$0.topics.isEmpty }).path
        broker.fileSystem.inject { operation, path in operation == .sync && path.hasPrefix(home) ? EIO : nil }
        #expect(throws: UnexpectedAnswer.self) { try connection.append(to: "events", 0) }
        broker.fileSystem.inject(nil)
        let directories = try describe()
        let failed = try #require(directories.first { $0.path == home })
        #expect(failed.errorCode == .kafkaStorageError)
        #expect(failed.topics.isEmpty)
        #expect((failed.totalBytes, failed.usableBytes) == (-1, -1))
        #expect(directories.filter { $0.path != home }.map(\.errorCode) == [.none])
    }

    @Test func sizesAreThoseOfTheSegments() throws {
        try connection.append(Batch(["a"]), to: "events", 1)
        try connection.append(Batch(["a", "b"]), to: "events", 1)
        let path = try #require(
            broker.broker.storage.directories.first { $0.log(for: TopicPartition("events", 1)) != nil }
        )
        let file = try broker.fileSystem.open("\(path.path)/events-1/00000000000000000000.log", .read)
        let found = sizes(try describe())
        #expect(found["events"]?[1] == Int64(try file.size()))
        #expect(found["events"]?.keys.sorted() == [0, 1, 2, 3])
        #expect(found.keys.sorted() == ["events", "other"])
        try broker.restart()
        let connection = broker.connect()
        let after = try connection.send(DescribeLogDirsRequest()).results
        #expect(sizes(after) == found)
    }

    @Test func onlyWhatWasAskedForIsDescribed() throws {
        #expect(sizes(try describe(["events": [2, 7], "nowhere": [0]])) == ["events": [2: 0]])
        #expect(try describe([:]).map(\.path) == ["/one", "/two"])
        #expect(try describe([:]).allSatisfy(\.topics.isEmpty))
    }

    @Test func theSpaceIsThatOfTheDisk() throws {
        broker.fileSystem.limit(freeBytes: 400_000, totalBytes: 1_000_000)
        broker.broker.space.check()
        for directory in try describe() {
            #expect((directory.totalBytes, directory.usableBytes) == (1_000_000, 400_000))
            #expect(!directory.isCordoned)
        }
    }
}
