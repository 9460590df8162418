import Wire

extension Admin {
    /// Has the broker compact a topic now, whatever its dirty ratio. Does not wait for the end; asking again before that
    /// is the same order, not another one.
    ///
    /// - Parameters:
    ///   - purgeTombstones: Whether the marks of deleted keys go before `delete.retention.ms`.
    ///   - dryRun: Whether to read everything and change nothing, only to know what would be left.
    /// - Returns: Each partition's compaction, to be asked about with ``compactionStatus(of:)``.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/unsupported`` if the broker is not a Martlet.
    public func compact(
        _ name: String,
        purgeTombstones: Bool = false,
        dryRun: Bool = false
    ) async throws(ClientError) -> [CompactionStatus] {
        var request = CompactTopicRequest()
        request.topics = [name]
        request.start = true
        request.purgeTombstones = purgeTombstones
        request.dryRun = dryRun
        return try await statuses(request, name)
    }

    /// How far the compactions are that ``compact(_:purgeTombstones:dryRun:)`` has asked for.
    public func compactionStatus(of name: String) async throws(ClientError) -> [CompactionStatus] {
        var request = CompactTopicRequest()
        request.topics = [name]
        return try await statuses(request, name)
    }

    private func statuses(_ request: CompactTopicRequest, _ name: String) async throws(ClientError)
        -> [CompactionStatus]
    {
        try await send(request) { response throws(ClientError) -> [CompactionStatus] in
            guard let topic = response.topics.first else { throw Self.missing("topic '\(name)'") }
            try Self.check(topic.errorCode, "topic '\(name)'", topic.errorMessage)
            var statuses: [CompactionStatus] = []
            for partition in topic.partitions {
                let context = "topic '\(name)' partition \(partition.index)"
                try Self.check(partition.errorCode, context, partition.errorMessage)
                statuses.append(CompactionStatus(partition))
            }
            return statuses
        }
    }
}

extension CompactionStatus {
    init(_ partition: CompactTopicResponse.Partition) {
        index = partition.index
        run = partition.run
        state = State(partition.state, reason: partition.reason)
        bytesRead = partition.bytesRead
        bytesToRead = partition.bytesToRead
        passes = partition.passes
        bytesBefore = partition.bytesBefore
        bytesAfter = partition.bytesAfter
        recordsBefore = partition.recordsBefore
        recordsAfter = partition.recordsAfter
        segmentsBefore = partition.segmentsBefore
        segmentsAfter = partition.segmentsAfter
        isPartial = partition.isPartial
    }
}

extension CompactionStatus.State {
    init(_ number: Int8, reason: String?) {
        switch number {
        case 0: self = .waiting
        case 1: self = .running
        case 2: self = .done
        default: self = .failed(reason: reason ?? "the broker does not say why")
        }
    }
}
