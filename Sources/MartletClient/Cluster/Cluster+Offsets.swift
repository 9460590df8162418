import Model
import Wire

/// What to ask about a partition's offsets, with the numbers that ListOffsets has for it. Immutable.
enum OffsetQuery: Hashable, Sendable {
    case beginning
    case end
    /// The record with the largest timestamp (KIP-734).
    case largestTimestamp
    /// The first record with this timestamp or a later one.
    case time(Int64)

    init(_ point: OffsetPoint) {
        switch point {
        case .beginning: self = .beginning
        case .end: self = .end
        case .largestTimestamp: self = .largestTimestamp
        case .time(let milliseconds): self = .time(milliseconds)
        }
    }

    var timestamp: Int64 {
        switch self {
        case .end: -1
        case .beginning: -2
        case .largestTimestamp: -3
        case .time(let milliseconds): max(0, milliseconds)
        }
    }
}

/// An offset that was found. Immutable.
struct FoundOffset: Equatable, Sendable {
    /// −1 if no record fits the question.
    let offset: Int64
    let timestamp: Int64
    let leaderEpoch: LeaderEpoch
}

extension Cluster {
    /// Asks the leaders of partitions for offsets, again after leaders moved, until the operation timeout.
    nonisolated func offsets(
        _ queries: [TopicPartition: OffsetQuery],
        isolation: ConsumerConfiguration.Isolation = .readUncommitted
    ) async throws(ClientError) -> [TopicPartition: FoundOffset] {
        var found: [TopicPartition: FoundOffset] = [:]
        var open = queries
        let deadline = Deadline(in: configuration.operationTimeout)
        var attempts = 0
        while true {
            var failure: ClientError?
            for (node, part) in byLeader(open) {
                do throws(ClientError) {
                    let answer = try await ask(node, part, isolation)
                    found.merge(answer.found) { _, new in new }
                    failure = answer.failure ?? failure
                } catch {
                    guard error.isRetriable else { throw error }
                    failure = error
                }
            }
            open = open.filter { found[$0.key] == nil }
            guard !open.isEmpty else { return found }
            if let failure, deadline.hasPassed { throw failure }
            attempts += 1
            try await pause(backoff.delay(afterFailures: attempts))
            try await refreshPatiently(Set(open.keys.map(\.topic)))
        }
    }

    /// Looks up offsets for the library's users. Partitions in which nothing fits are left out.
    nonisolated func lookUp(
        _ points: [Partition: OffsetPoint],
        isolation: ConsumerConfiguration.Isolation
    ) async throws(ClientError) -> [Partition: Int64] {
        for topic in Set(points.keys.map(\.topic)).sorted() {
            let known = try await self.topic(topic)
            for partition in points.keys where partition.topic == topic && known.partition(partition.index) == nil {
                throw ClientError(
                    .invalidArgument,
                    "topic '\(topic)' has no partition \(partition.index), only 0 to \(known.partitions.count - 1)"
                )
            }
        }
        var queries: [TopicPartition: OffsetQuery] = [:]
        for (partition, point) in points { queries[partition.wire] = OffsetQuery(point) }
        let found = try await offsets(queries, isolation: isolation)
        var result: [Partition: Int64] = [:]
        for partition in points.keys {
            if let offset = found[partition.wire]?.offset, offset >= 0 { result[partition] = offset }
        }
        return result
    }

    private nonisolated func byLeader(
        _ queries: [TopicPartition: OffsetQuery]
    ) -> [Int32?: [TopicPartition: OffsetQuery]] {
        let metadata = metadata
        var groups: [Int32?: [TopicPartition: OffsetQuery]] = [:]
        for (partition, query) in queries {
            groups[metadata.leader(of: partition)?.id, default: [:]][partition] = query
        }
        return groups
    }

    private nonisolated func ask(
        _ node: Int32?,
        _ queries: [TopicPartition: OffsetQuery],
        _ isolation: ConsumerConfiguration.Isolation
    ) async throws(ClientError) -> (found: [TopicPartition: FoundOffset], failure: ClientError?) {
        guard let node else {
            let names = queries.keys.sorted().prefix(3).map(\.description).joined(separator: ", ")
            throw ClientError(.broker, "no leader for \(names)", isRetriable: true, code: .leaderNotAvailable)
        }
        let connection = try await connection(to: node)
        let version = try connection.versions.version(for: ListOffsetsRequest.api)
        if version < 7, queries.values.contains(.largestTimestamp) {
            throw ClientError(.unsupported, "the broker cannot look up the largest timestamp (ListOffsets 7)")
        }
        let request = request(queries, isolation)
        let response = try await connection.start(request, version: version).response()
        var found: [TopicPartition: FoundOffset] = [:]
        var failure: ClientError?
        for topic in response.topics {
            for answer in topic.partitions {
                guard answer.errorCode.isError else {
                    found[TopicPartition(topic.name, answer.index)] = FoundOffset(
                        offset: answer.offset,
                        timestamp: answer.timestamp,
                        leaderEpoch: LeaderEpoch(answer.leaderEpoch)
                    )
                    continue
                }
                let context = "topic '\(topic.name)' partition \(answer.index)"
                let error = ClientError(code: answer.errorCode, context: context)
                guard error.isRetriable else { throw error }
                failure = error
            }
        }
        return (found, failure)
    }

    private nonisolated func request(
        _ queries: [TopicPartition: OffsetQuery],
        _ isolation: ConsumerConfiguration.Isolation
    ) -> ListOffsetsRequest {
        var request = ListOffsetsRequest()
        request.replicaID = -1
        request.isolationLevel = isolation.level
        request.timeoutMilliseconds = Int32(clamping: configuration.requestTimeout.wholeNanoseconds / 1_000_000)
        let metadata = metadata
        for (name, part) in Dictionary(grouping: queries, by: \.key.topic) {
            var topic = ListOffsetsRequest.Topic()
            topic.name = name
            topic.partitions = part.map { partition, query in
                var item = ListOffsetsRequest.Partition()
                item.index = partition.partition
                item.timestamp = query.timestamp
                item.currentLeaderEpoch =
                    metadata.topics[name]?.partition(partition.partition)?.leaderEpoch.rawValue ?? -1
                return item
            }
            request.topics.append(topic)
        }
        return request
    }
}

extension ConsumerConfiguration.Isolation {
    /// As requests say it.
    var level: Int8 { self == .readCommitted ? 1 : 0 }
}
