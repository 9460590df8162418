import CommitLog
import Model
package import Wire

/// CompactTopic (key 10003): has topics compacted without waiting for their dirty ratio, and tells how that gets on.
extension CompactTopicRequest: BrokerRequest {
    package func handle(_ call: Call<CompactTopicRequest>) {
        let known = call.broker.topics.snapshot
        var response = CompactTopicResponse()
        response.topics = topics.map { name in
            var result = CompactTopicResponse.Topic()
            result.name = name
            guard let topic = known[name] else {
                result.errorCode = .unknownTopicOrPartition
                return result
            }
            if let refusal = refusal(topic) {
                result.errorCode = .invalidRequest
                result.errorMessage = refusal
                return result
            }
            result.partitions = topic.partitions.map { answer($0, call.broker.cleaner) }
            return result
        }
        call.reply(response)
    }

    private func refusal(_ topic: HostedTopic) -> String? {
        guard let policy = topic.partitions.lazy.compactMap({ $0.openLog?.config.cleanupPolicy }).first else {
            return nil
        }
        if policy.contains(.compact) { return nil }
        let present = policy.contains(.delete) ? "delete" : "empty"
        return "it is not compacted, its cleanup.policy is \(present); set cleanup.policy=compact first"
    }

    private func answer(_ partition: HostedPartition, _ cleaner: LogCleaner) -> CompactTopicResponse.Partition {
        let name = partition.topicPartition
        do throws(LogError) {
            _ = try partition.log()
        } catch {
            return failure(partition, error.errorCode, error.description)
        }
        if start {
            let order = CompactionOrder(purgesTombstones: purgeTombstones, isDryRun: dryRun)
            if let run = cleaner.order(order, for: name) { return describe(run) }
            return failure(
                partition,
                .invalidRequest,
                "it is being compacted already, on an order with other options; try again when that has ended"
            )
        }
        if let run = cleaner.ordered(name) { return describe(run) }
        return failure(
            partition,
            .invalidRequest,
            "no order to compact it is known: the broker was started again since, or the topic's cleanup.policy changed"
        )
    }

    private func failure(
        _ partition: HostedPartition,
        _ code: ErrorCode,
        _ message: String
    ) -> CompactTopicResponse.Partition {
        var result = CompactTopicResponse.Partition()
        result.index = partition.index
        result.errorCode = code
        result.errorMessage = message
        return result
    }

    private func describe(_ run: CompactionRun) -> CompactTopicResponse.Partition {
        var result = CompactTopicResponse.Partition()
        result.index = run.partition.partition
        result.run = run.number
        switch run.state {
        case .waiting: result.state = 0
        case .running: result.state = 1
        case .done: result.state = 2
        case .failed(let reason):
            result.state = 3
            result.reason = reason
        }
        result.bytesRead = Int64(run.progress.done)
        result.bytesToRead = Int64(run.progress.total)
        result.passes = Int32(clamping: run.passes)
        guard let done = run.result else { return result }
        result.bytesBefore = Int64(done.bytesBefore)
        result.bytesAfter = Int64(done.bytesAfter)
        result.recordsBefore = Int64(done.recordsBefore)
        result.recordsAfter = Int64(done.recordsAfter)
        result.segmentsBefore = Int32(clamping: done.segmentsBefore)
        result.segmentsAfter = Int32(clamping: done.segmentsAfter)
        result.isPartial = run.order?.isDryRun == true && done.needsAnotherPass
        return result
    }
}
