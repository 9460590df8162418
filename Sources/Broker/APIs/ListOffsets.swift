import CommitLog
import Model
package import Wire

/// ListOffsets (key 2): the offset at a time, or at one of the special points of a partition.
extension ListOffsetsRequest: BrokerRequest {
    /// Times that stand for a point of the log.
    private enum Special {
        static let latest: Int64 = -1
        static let earliest: Int64 = -2
        static let maximumTimestamp: Int64 = -3
        static let earliestLocal: Int64 = -4
        static let latestTiered: Int64 = -5
        static let earliestPendingUpload: Int64 = -6

        /// The first version that knows each.
        static func isKnown(_ timestamp: Int64, version: Int16) -> Bool {
            switch timestamp {
            case latest, earliest: true
            case maximumTimestamp: version >= 7
            case earliestLocal: version >= 8
            case latestTiered: version >= 9
            case earliestPendingUpload: version >= 11
            default: timestamp >= 0
            }
        }
    }

    package func handle(_ call: Call<ListOffsetsRequest>) {
        // Looking for a time reads the indexes and one batch, perhaps from disk: not on the event loop.
        let mustRead = topics.contains { topic in
            topic.partitions.contains { $0.timestamp >= 0 || $0.timestamp == Special.maximumTimestamp }
        }
        if mustRead {
            call.broker.io.submit { answer(call) }
        } else {
            answer(call)
        }
    }

    private func answer(_ call: Call<ListOffsetsRequest>) {
        let known = call.broker.topics.snapshot
        var response = ListOffsetsResponse()
        response.topics = topics.map { topic in
            var result = ListOffsetsResponse.Topic()
            result.name = topic.name
            result.partitions = topic.partitions.map { find($0, known[topic.name], version: call.version) }
            return result
        }
        call.reply(response)
    }

    private func find(
        _ asked: Partition,
        _ topic: HostedTopic?,
        version: Int16
    ) -> ListOffsetsResponse.Partition {
        var result = ListOffsetsResponse.Partition()
        result.index = asked.index
        guard let partition = topic?.partition(asked.index) else {
            result.errorCode = .unknownTopicOrPartition
            return result
        }
        guard Special.isKnown(asked.timestamp, version: version) else {
            result.errorCode = .unsupportedVersion
            return result
        }
        do throws(LogError) {
            let log = try partition.readableLog()
            if let error = epochError(LeaderEpoch(asked.currentLeaderEpoch), log.offsets.leaderEpoch) {
                result.errorCode = error
                return result
            }
            try fill(&result, asked.timestamp, log)
        } catch {
            result.errorCode = error.errorCode
        }
        return result
    }

    private func fill(
        _ result: inout ListOffsetsResponse.Partition,
        _ timestamp: Int64,
        _ log: PartitionLog
    ) throws(LogError) {
        let offsets = log.offsets
        switch timestamp {
        case Special.latest:
            result.offset = (isolationLevel == 1 ? offsets.lastStable : offsets.highWatermark).rawValue
            result.leaderEpoch = offsets.leaderEpoch.rawValue
        case Special.earliest, Special.earliestLocal:
            result.offset = offsets.logStart.rawValue
            result.leaderEpoch = log.leaderEpoch(of: offsets.logStart).rawValue
        case Special.latestTiered, Special.earliestPendingUpload:
            // Nothing is ever on another tier.
            return
        default:
            let found =
                timestamp == Special.maximumTimestamp
                ? try log.maximumTimestamp() : try log.offset(forTimestamp: Timestamp(milliseconds: timestamp))
            let end = isolationLevel == 1 ? offsets.lastStable : offsets.highWatermark
            guard let found, found.offset < end else { return }
            result.offset = found.offset.rawValue
            result.timestamp = found.timestamp.milliseconds
            result.leaderEpoch = found.leaderEpoch.rawValue
        }
    }
}
