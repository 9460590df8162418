import Model
import Wire

/// What only Martlet's brokers can be asked.
extension Admin {
    /// What a topic's partitions consist of, and what retention will do with each segment.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/unsupported`` if the broker is not a Martlet.
    public func explainTopic(_ name: String) async throws(ClientError) -> [PartitionExplanation] {
        var request = ExplainTopicRequest()
        request.topics = [name]
        return try await send(request) { response throws(ClientError) -> [PartitionExplanation] in
            guard let topic = response.topics.first else { throw Self.missing("topic '\(name)'") }
            try Self.check(topic.errorCode, "topic '\(name)'", topic.errorMessage)
            var partitions: [PartitionExplanation] = []
            for partition in topic.partitions {
                let context = "topic '\(name)' partition \(partition.index)"
                try Self.check(partition.errorCode, context, partition.errorMessage)
                partitions.append(PartitionExplanation(partition))
            }
            return partitions
        }
    }

    /// Removes from a topic what is past its retention, without waiting for the broker to do it by itself.
    ///
    /// - Parameter dryRun: Whether only to say what would be removed.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/unsupported`` if the broker is not a Martlet.
    public func applyRetention(to name: String, dryRun: Bool = false) async throws(ClientError) -> [RetentionResult] {
        var request = ApplyRetentionRequest()
        request.topics = [name]
        request.dryRun = dryRun
        return try await send(request) { response throws(ClientError) -> [RetentionResult] in
            guard let topic = response.topics.first else { throw Self.missing("topic '\(name)'") }
            try Self.check(topic.errorCode, "topic '\(name)'", topic.errorMessage)
            var results: [RetentionResult] = []
            for partition in topic.partitions {
                let context = "topic '\(name)' partition \(partition.index)"
                try Self.check(partition.errorCode, context, partition.errorMessage)
                results.append(RetentionResult(partition))
            }
            return results
        }
    }
}

extension PartitionExplanation {
    init(_ partition: ExplainTopicResponse.Partition) {
        index = partition.index
        logStart = partition.logStart
        logEnd = partition.logEnd
        segments = partition.segments.map(SegmentExplanation.init)
        compaction = partition.compaction.map(CompactionExplanation.init)
        lastScrub = partition.lastScrub < 0 ? nil : partition.lastScrub
        damage = partition.damage.map(DamageExplanation.init)
    }
}

extension DamageExplanation {
    init(_ damage: ExplainTopicResponse.Damage) {
        firstOffset = damage.firstOffset
        endOffset = damage.endOffset
        segment = damage.segment
        position = damage.position
        sizeInBytes = damage.sizeInBytes
        foundAt = damage.foundAt
        isSkipped = damage.isSkipped
        reason = damage.reason
    }
}

extension CompactionExplanation {
    init(_ compaction: ExplainTopicResponse.Compaction) {
        dirtyRatio = compaction.dirtyRatio
        cleanBytes = compaction.cleanBytes
        dirtyBytes = compaction.dirtyBytes
        activeBytes = compaction.activeBytes
        youngBytes = compaction.youngBytes
        compactedTo = compaction.compactedTo
        lastTime = compaction.lastTime < 0 ? nil : compaction.lastTime
        lastBytesBefore = compaction.lastBytesBefore < 0 ? nil : compaction.lastBytesBefore
        lastBytesAfter = compaction.lastBytesAfter < 0 ? nil : compaction.lastBytesAfter
        isDue = compaction.isDue
        reason = compaction.reason
        explanation = compaction.explanation
        nextTime = compaction.nextTime < 0 ? nil : compaction.nextTime
    }
}

extension SegmentExplanation {
    init(_ segment: ExplainTopicResponse.Segment) {
        baseOffset = segment.baseOffset
        endOffset = segment.endOffset
        sizeInBytes = segment.sizeInBytes
        isActive = segment.isActive
        largestTimestamp = segment.largestTimestamp < 0 ? nil : segment.largestTimestamp
        lastAppendTime = segment.lastAppendTime < 0 ? nil : segment.lastAppendTime
        isExpired = segment.isExpired
        reason = segment.reason
        explanation = segment.explanation
        expiresAt = segment.expiresAt < 0 ? nil : segment.expiresAt
    }
}

extension RetentionResult {
    init(_ partition: ApplyRetentionResponse.Partition) {
        index = partition.index
        logStart = partition.logStart
        segments = partition.segments.map { segment in
            Segment(
                baseOffset: segment.baseOffset,
                endOffset: segment.endOffset,
                sizeInBytes: segment.sizeInBytes,
                reason: segment.reason,
                explanation: segment.explanation
            )
        }
    }
}
