import CommitLog
import Model
package import Wire

/// DeleteRecords (key 21): moves the start of partitions' logs forward; -1 stands for the high watermark.
extension DeleteRecordsRequest: BrokerRequest {
    private static let highWatermark: Int64 = -1
    private static let unknown: Int64 = -1

    package func handle(_ call: Call<DeleteRecordsRequest>) {
        call.broker.control.submit {
            let known = call.broker.topics.snapshot
            var response = DeleteRecordsResponse()
            response.topics = topics.map { topic in
                var result = DeleteRecordsResponse.Topic()
                result.name = topic.name
                result.partitions = topic.partitions.map { delete($0, known[topic.name]) }
                return result
            }
            call.broker.storage.saveLogStarts()
            call.reply(response)
        }
    }

    private func delete(_ asked: Partition, _ topic: HostedTopic?) -> DeleteRecordsResponse.Partition {
        var result = DeleteRecordsResponse.Partition()
        result.index = asked.index
        result.lowWatermark = Self.unknown
        guard let topic, let partition = topic.partition(asked.index) else {
            result.errorCode = .unknownTopicOrPartition
            return result
        }
        if topic.isInternal {
            result.errorCode = .invalidTopicException
            return result
        }
        do throws(LogError) {
            let log = try partition.log()
            // A compacted topic keeps the last value of each key: cutting its start off would break that promise.
            guard log.config.cleanupPolicy.contains(.delete) || log.config.cleanupPolicy.isEmpty else {
                result.errorCode = .policyViolation
                return result
            }
            let target = asked.offset == Self.highWatermark ? log.offsets.highWatermark : Offset(asked.offset)
            result.lowWatermark = try log.deleteRecords(before: target).rawValue
        } catch {
            result.errorCode = error.errorCode
        }
        return result
    }
}
