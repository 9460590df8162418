import CommitLog
import Model
package import Wire

/// OffsetForLeaderEpoch (key 23): where a leader epoch ends in a partition's history.
extension OffsetForLeaderEpochRequest: BrokerRequest {
    package func handle(_ call: Call<OffsetForLeaderEpochRequest>) {
        let known = call.broker.topics.snapshot
        var response = OffsetForLeaderEpochResponse()
        response.topics = topics.map { topic in
            var result = OffsetForLeaderEpochResponse.Topic()
            result.name = topic.name
            result.partitions = topic.partitions.map { answer($0, known[topic.name]) }
            return result
        }
        call.reply(response)
    }

    private func answer(
        _ asked: Partition,
        _ topic: HostedTopic?
    ) -> OffsetForLeaderEpochResponse.Partition {
        var result = OffsetForLeaderEpochResponse.Partition()
        result.index = asked.index
        guard let partition = topic?.partition(asked.index) else {
            result.errorCode = .unknownTopicOrPartition
            return result
        }
        do throws(LogError) {
            let log = try partition.readableLog()
            if let error = epochError(LeaderEpoch(asked.currentLeaderEpoch), log.offsets.leaderEpoch) {
                result.errorCode = error
                return result
            }
            let (epoch, endOffset) = log.endOffset(forEpoch: LeaderEpoch(asked.leaderEpoch))
            result.leaderEpoch = epoch.rawValue
            result.endOffset = endOffset.rawValue
        } catch {
            result.errorCode = error.errorCode
        }
        return result
    }
}
