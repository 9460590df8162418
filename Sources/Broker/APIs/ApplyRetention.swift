import CommitLog
import Model
package import Wire

/// ApplyRetention (key 10002): removes what retention says without waiting for its time, or says what it would remove.
extension ApplyRetentionRequest: BrokerRequest {
    package func handle(_ call: Call<ApplyRetentionRequest>) {
        call.broker.io.submit {
            let known = call.broker.topics.snapshot
            var response = ApplyRetentionResponse()
            response.topics = topics.map { name in
                var result = ApplyRetentionResponse.Topic()
                result.name = name
                guard let topic = known[name] else {
                    result.errorCode = .unknownTopicOrPartition
                    return result
                }
                let retention = call.broker.retention
                let outcomes = dryRun ? retention.explain(topic) : retention.apply(topic)
                result.partitions = zip(topic.partitions, outcomes).map(describe)
                return result
            }
            call.reply(response)
        }
    }

    private func describe(
        _ partition: HostedPartition,
        _ outcome: Result<RetentionOutcome, LogError>
    ) -> ApplyRetentionResponse.Partition {
        var result = ApplyRetentionResponse.Partition()
        result.index = partition.index
        switch outcome {
        case .success(let outcome):
            result.logStart = outcome.logStart.rawValue
            result.segments = outcome.removed.map { segment, reason in
                var gone = ApplyRetentionResponse.Segment()
                gone.baseOffset = segment.baseOffset.rawValue
                gone.endOffset = segment.endOffset.rawValue
                gone.sizeInBytes = Int64(segment.sizeInBytes)
                gone.reason = reason.name
                gone.explanation = reason.explanation(outcome.config)
                return gone
            }
        case .failure(let error):
            result.errorCode = error.errorCode
            result.errorMessage = error.description
            result.logStart = -1
        }
        return result
    }
}
