import CommitLog
import Model
package import Wire

/// ExplainTopic (key 10001): what topics' partitions consist of, and what retention will do with each segment.
extension ExplainTopicRequest: BrokerRequest {
    package func handle(_ call: Call<ExplainTopicRequest>) {
        call.broker.io.submit {
            let known = call.broker.topics.snapshot
            var response = ExplainTopicResponse()
            response.topics = topics.map { name in
                var result = ExplainTopicResponse.Topic()
                result.name = name
                guard let topic = known[name] else {
                    result.errorCode = .unknownTopicOrPartition
                    return result
                }
                result.partitions = zip(topic.partitions, call.broker.retention.explain(topic)).map(describe)
                return result
            }
            call.reply(response)
        }
    }

    private func describe(
        _ partition: HostedPartition,
        _ outcome: Result<RetentionOutcome, LogError>
    ) -> ExplainTopicResponse.Partition {
        var result = ExplainTopicResponse.Partition()
        result.index = partition.index
        switch outcome {
        case .success(let outcome):
            let offsets = partition.openLog?.offsets
            result.logStart = offsets?.logStart.rawValue ?? -1
            result.logEnd = offsets?.logEnd.rawValue ?? -1
            result.segments = outcome.segments.map { describe($0, $1, outcome.config) }
        case .failure(let error):
            result.errorCode = error.errorCode
            result.errorMessage = error.description
        }
        return result
    }

    private func describe(
        _ segment: SegmentDescription,
        _ fate: SegmentFate,
        _ config: LogConfig
    ) -> ExplainTopicResponse.Segment {
        var result = ExplainTopicResponse.Segment()
        result.baseOffset = segment.baseOffset.rawValue
        result.endOffset = segment.endOffset.rawValue
        result.sizeInBytes = Int64(segment.sizeInBytes)
        result.isActive = segment.isActive
        result.largestTimestamp = segment.largestTimestamp?.milliseconds ?? -1
        result.lastAppendTime = segment.lastAppend?.milliseconds ?? -1
        switch fate {
        case .remove(let reason):
            result.isExpired = true
            result.reason = reason.name
            result.explanation = reason.explanation(config)
        case .keep(let reason, let until):
            result.reason = reason.name
            result.explanation = reason.explanation(config)
            result.expiresAt = until?.milliseconds ?? -1
        }
        return result
    }
}
