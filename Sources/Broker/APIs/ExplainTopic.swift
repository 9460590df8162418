import CommitLog
import Model
package import Wire

/// ExplainTopic (key 10001): what topics' partitions consist of, and what retention will do with each segment,
/// how their compaction stands, and what is damaged.
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
                result.partitions = zip(topic.partitions, call.broker.retention.explain(topic)).map {
                    partition,
                    outcome in
                    describe(partition, outcome, call.broker.cleaner)
                }
                return result
            }
            call.reply(response)
        }
    }

    private func describe(
        _ partition: HostedPartition,
        _ outcome: Result<RetentionOutcome, LogError>,
        _ cleaner: LogCleaner
    ) -> ExplainTopicResponse.Partition {
        var result = ExplainTopicResponse.Partition()
        result.index = partition.index
        do throws(LogError) {
            let (outcome, log) = (try outcome.get(), try partition.log())
            let offsets = log.offsets
            result.logStart = offsets.logStart.rawValue
            result.logEnd = offsets.logEnd.rawValue
            result.segments = outcome.segments.map { describe($0, $1, outcome.config) }
            result.lastScrub = log.lastScrub?.milliseconds ?? -1
            result.damage = log.quarantined.map(describe)
            if outcome.config.cleanupPolicy.contains(.compact) {
                result.compaction = describe(try cleaner.explain(log))
            }
        } catch {
            result.errorCode = error.errorCode
            result.errorMessage = error.description
        }
        return result
    }

    private func describe(_ range: QuarantinedRange) -> ExplainTopicResponse.Damage {
        var result = ExplainTopicResponse.Damage()
        result.firstOffset = range.offsets.lowerBound.rawValue
        result.endOffset = range.offsets.upperBound.rawValue
        result.segment = range.segment.rawValue
        result.position = Int64(range.position.bytes)
        result.sizeInBytes = Int64(range.length)
        result.foundAt = range.found.milliseconds
        result.isSkipped = range.state == .skipped
        result.reason = range.reason
        return result
    }

    private func describe(_ cleaning: CleaningExplanation) -> ExplainTopicResponse.Compaction {
        var result = ExplainTopicResponse.Compaction()
        result.dirtyRatio = cleaning.survey.dirtyRatio
        result.cleanBytes = Int64(cleaning.survey.cleanBytes)
        result.dirtyBytes = Int64(cleaning.survey.cleanableBytes)
        result.activeBytes = Int64(cleaning.survey.activeBytes)
        result.youngBytes = Int64(cleaning.survey.youngBytes)
        result.compactedTo = cleaning.survey.firstDirty.rawValue
        if let (end, at) = cleaning.lastCompaction {
            result.compactedTo = end.rawValue
            result.lastTime = at.milliseconds
        }
        if let last = cleaning.lastRun?.result {
            result.lastBytesBefore = Int64(last.bytesBefore)
            result.lastBytesAfter = Int64(last.bytesAfter)
        }
        result.isDue = cleaning.next.urgency != .later
        result.reason = cleaning.next.reason
        result.explanation = cleaning.next.explanation
        result.nextTime = cleaning.next.at?.milliseconds ?? -1
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
