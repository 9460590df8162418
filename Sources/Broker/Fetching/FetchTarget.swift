import Model
import Wire

/// One partition that a fetch asks for. Immutable but for what the session updates.
struct FetchTarget: Sendable {
    /// The topic as the client names it: by name up to version 12, by id from 13 on.
    let topicName: String
    let topicID: TopicID
    let index: Int32
    var fetchOffset: Offset
    var maximumBytes: Int
    var currentLeaderEpoch: LeaderEpoch
    var lastFetchedEpoch: LeaderEpoch

    /// What the client was told last, so that an incremental response leaves out what has not changed.
    var toldHighWatermark = Self.nothingTold
    var toldLogStart = Self.nothingTold

    static let nothingTold: Int64 = -1

    init(_ topic: FetchRequest.Topic, _ partition: FetchRequest.Partition) {
        topicName = topic.name
        topicID = topic.topicID
        index = partition.index
        fetchOffset = Offset(partition.fetchOffset)
        maximumBytes = Int(partition.partitionMaximumBytes)
        currentLeaderEpoch = LeaderEpoch(partition.currentLeaderEpoch)
        lastFetchedEpoch = LeaderEpoch(partition.lastFetchedEpoch)
    }

    var key: Key { Key(topicName: topicName, topicID: topicID, index: index) }

    /// A partition's identity within a session.
    struct Key: Hashable, Sendable {
        let topicName: String
        let topicID: TopicID
        let index: Int32
    }

    /// Takes over what a later request of the session says.
    mutating func update(from newer: FetchTarget) {
        fetchOffset = newer.fetchOffset
        maximumBytes = newer.maximumBytes
        currentLeaderEpoch = newer.currentLeaderEpoch
        lastFetchedEpoch = newer.lastFetchedEpoch
    }

    /// Whether an answer says what the client has not been told yet.
    func isNews(_ answer: FetchResponse.Partition) -> Bool {
        answer.records.length > 0 || answer.errorCode.isError
            || answer.divergingEpoch != FetchResponse.EpochEndOffset()
            || answer.highWatermark != toldHighWatermark
            || answer.logStartOffset != toldLogStart
    }

    /// Remembers what the client is being told.
    mutating func noteTold(_ answer: FetchResponse.Partition) {
        // After an error the partition is news again as soon as it is well.
        toldHighWatermark = answer.errorCode.isError ? Self.nothingTold : answer.highWatermark
        toldLogStart = answer.logStartOffset
    }
}
