import Model
import NIOCore
import Wire

extension Admin {
    /// Bytes of one partition that the first round asks for: enough for most batches, and little for a thousand
    /// partitions. Each later round asks for more, because whoever was left out has a larger batch.
    private static let firstPartitionBytes = 16 << 10
    private static let largestPartitionBytes = 16 << 20
    private static let growth = 8
    /// Bytes of one answer.
    private static let answerBytes = 16 << 20
    /// Rounds after which a partition is not asked again: each passes at least one batch without records to deliver.
    private static let rounds = 64

    /// The first record at or behind each position.
    func nextRecords(_ positions: [Partition: Int64]) async throws(ClientError) -> [Partition: PartitionLag.Next] {
        var open = positions
        var found: [Partition: PartitionLag.Next] = [:]
        var bytes = Self.firstPartitionBytes
        for _ in 0..<Self.rounds where !open.isEmpty {
            let metadata = cluster.metadata
            let groups = Dictionary(grouping: open.keys) { metadata.leader(of: $0.wire)?.id }
            for (node, partitions) in groups {
                guard let node else {
                    for partition in partitions { found[partition] = .unknown(reason: "the partition has no leader") }
                    continue
                }
                let wanted = open.filter { partitions.contains($0.key) }
                for (partition, step) in try await step(wanted, node, bytes) {
                    switch step {
                    case .found(let next): found[partition] = next
                    case .goOn(let position): open[partition] = position
                    }
                }
            }
            open = open.filter { found[$0.key] == nil }
            bytes = min(bytes * Self.growth, Self.largestPartitionBytes)
        }
        for partition in open.keys { found[partition] = .unknown(reason: "no record found soon enough") }
        return found
    }

    private enum Step {
        case found(PartitionLag.Next)
        case goOn(Int64)
    }

    private func step(
        _ positions: [Partition: Int64],
        _ node: Int32,
        _ bytes: Int
    ) async throws(ClientError) -> [Partition: Step] {
        let connection = try await cluster.connection(to: node, .fetch)
        let metadata = cluster.metadata
        // Names rather than ids, which not all brokers have.
        let version = try connection.versions.version(for: FetchRequest.api, atMost: Self.lastVersionWithNames)
        let request = fetch(positions, bytes)
        let response = try await connection.start(request, version: version).response()
        try Self.check(response.errorCode, "reading the next records")
        var steps: [Partition: Step] = [:]
        for topic in response.topics {
            for answer in topic.partitions {
                let partition = Partition(topic: topic.name, index: answer.index)
                guard let position = positions[partition], metadata.topics[topic.name] != nil else { continue }
                steps[partition] = settle(answer, partition, position)
            }
        }
        return steps
    }

    private static let lastVersionWithNames: Int16 = 12

    private func fetch(_ positions: [Partition: Int64], _ bytes: Int) -> FetchRequest {
        var request = FetchRequest()
        request.maximumBytes = Int32(clamping: Self.answerBytes)
        for group in ConsumerProtocolPartitions.grouped(positions.keys) {
            var topic = FetchRequest.Topic()
            topic.name = group.topic
            topic.partitions = group.partitions.map { index in
                var item = FetchRequest.Partition()
                item.index = index
                item.fetchOffset = positions[Partition(topic: group.topic, index: index)] ?? 0
                item.partitionMaximumBytes = Int32(clamping: bytes)
                return item
            }
            request.topics.append(topic)
        }
        return request
    }

    private func settle(_ answer: FetchResponse.Partition, _ partition: Partition, _ position: Int64) -> Step {
        if answer.errorCode.isError { return .found(.unknown(reason: ErrorTexts.meaning(of: answer.errorCode))) }
        if position >= answer.highWatermark { return .found(.nothing) }
        let configuration = ConsumerConfiguration(client: cluster.configuration, assignments: [])
        do throws(ClientError) {
            var chunk = try FetchedChunk(
                answer,
                partition.wire,
                position: position,
                end: nil,
                configuration: configuration
            )
            if let record = try chunk.next()?.first {
                return .found(.record(offset: record.offset, timestamp: record.timestamp))
            }
            return .goOn(chunk.nextOffset ?? position)
        } catch {
            return .found(.unknown(reason: error.message))
        }
    }
}
