package import Model

/// Fetch (key 1): reads batches of records from partitions.
///
/// - 4: first with record batches of format 2 and isolation levels (KIP-98).
/// - 5: both sides tell their log's start (KIP-107).
/// - 6: the answer may be KAFKA_STORAGE_ERROR.
/// - 7: fetch sessions (KIP-227).
/// - 8: throttling happens after the response (KIP-219).
/// - 9: the request carries the leader epoch the client knows (KIP-320).
/// - 10: zstd may be in the records (KIP-110).
/// - 11: the request tells its rack, the response a better replica (KIP-392).
/// - 12: flexible; diverging histories are found while fetching (KIP-595).
/// - 13: topics are named by id (KIP-516).
/// - 14: the answer may be OFFSET_MOVED_TO_TIERED_STORAGE (KIP-405).
/// - 15: the replica's id moves into a tagged field, with its epoch (KIP-903).
/// - 16: the response tells where a new leader is (KIP-951).
/// - 17: the request tells a replica's directory (KIP-853).
/// - 18: the request tells a replica's high watermark (KIP-1166).
package struct FetchRequest: WireRequest {
    package typealias Response = FetchResponse
    package static let api = API(.fetch, "Fetch", versions: 4...18, flexibleFrom: 12)

    /// The cluster the sender believes this to be; only replicas know and send it.
    package var clusterID: String?
    /// The fetching replica, or −1 for a consumer. In `replicaState` from version 15 on.
    package var replicaID: Int32 = -1
    package var replicaState = ReplicaState()
    package var maximumWaitMilliseconds: Int32 = 0
    package var minimumBytes: Int32 = 0
    /// Not a hard limit: the first batch is always sent whole (KIP-74).
    package var maximumBytes: Int32 = .max
    /// 0 reads everything, 1 only what is committed.
    package var isolationLevel: Int8 = 0
    /// The fetch session (KIP-227); 0 for none.
    package var sessionID: Int32 = 0
    /// Counts the requests of a session: 0 opens one, −1 fetches without one.
    package var sessionEpoch: Int32 = -1
    package var topics: [Topic] = []
    package var forgottenTopics: [ForgottenTopic] = []
    package var rackID = ""

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version <= 14 { try wire.int32("ReplicaId", &replicaID) }
        try wire.int32("MaxWaitMs", &maximumWaitMilliseconds)
        try wire.int32("MinBytes", &minimumBytes)
        try wire.int32("MaxBytes", &maximumBytes)
        try wire.int8("IsolationLevel", &isolationLevel)
        if wire.version >= 7 { try wire.int32("SessionId", &sessionID) }
        if wire.version >= 7 { try wire.int32("SessionEpoch", &sessionEpoch) }
        try wire.array("Topics", &topics)
        if wire.version >= 7 { try wire.array("ForgottenTopicsData", &forgottenTopics) }
        if wire.version >= 11 { try wire.string("RackId", &rackID) }
        let known: TagSet = .tag(0) | .tag(1, if: wire.version >= 15)
        let present: TagSet = .tag(0, if: clusterID != nil) | .tag(1, if: replicaState != ReplicaState())
        try wire.taggedFields(known: known, present: present) { (tag, wire) throws(WireError) in
            switch tag {
            case 0: try wire.nullableString("ClusterId", &clusterID)
            default: try wire.structure("ReplicaState", &replicaState)
            }
        }
    }

    /// Who fetches, if it is a replica.
    package struct ReplicaState: WireStruct {
        package var replicaID: Int32 = -1
        package var replicaEpoch: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("ReplicaId", &replicaID)
            try wire.int64("ReplicaEpoch", &replicaEpoch)
            try wire.taggedFields()
        }
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 12 { try wire.string("Topic", &name) }
            if wire.version >= 13 { try wire.uuid("TopicId", &topicID) }
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var currentLeaderEpoch: Int32 = -1
        package var fetchOffset: Int64 = 0
        package var lastFetchedEpoch: Int32 = -1
        package var logStartOffset: Int64 = -1
        /// Not a hard limit: the first batch is always sent whole (KIP-74).
        package var partitionMaximumBytes: Int32 = 0
        package var replicaDirectoryID = TopicID.zero
        /// The replica's high watermark; the maximum if it does not say (KIP-1166).
        package var highWatermark: Int64 = .max

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Partition", &index)
            if wire.version >= 9 { try wire.int32("CurrentLeaderEpoch", &currentLeaderEpoch) }
            try wire.int64("FetchOffset", &fetchOffset)
            if wire.version >= 12 { try wire.int32("LastFetchedEpoch", &lastFetchedEpoch) }
            if wire.version >= 5 { try wire.int64("LogStartOffset", &logStartOffset) }
            try wire.int32("PartitionMaxBytes", &partitionMaximumBytes)
            let known: TagSet = .tag(0, if: wire.version >= 17) | .tag(1, if: wire.version >= 18)
            let present: TagSet = .tag(0, if: replicaDirectoryID != .zero) | .tag(1, if: highWatermark != .max)
            try wire.taggedFields(known: known, present: present) { (tag, wire) throws(WireError) in
                switch tag {
                case 0: try wire.uuid("ReplicaDirectoryId", &replicaDirectoryID)
                default: try wire.int64("HighWatermark", &highWatermark)
                }
            }
        }
    }

    /// Partitions to drop from the fetch session.
    package struct ForgottenTopic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitions: [Int32] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 12 { try wire.string("Topic", &name) }
            if wire.version >= 13 { try wire.uuid("TopicId", &topicID) }
            try wire.int32s("Partitions", &partitions)
            try wire.taggedFields()
        }
    }
}

/// The records that a ``FetchRequest`` found.
package struct FetchResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var sessionID: Int32 = 0
    package var topics: [Topic] = []
    /// Where the leaders named in the partitions' `currentLeader` are.
    package var nodeEndpoints: [NodeEndpoint] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        if wire.version >= 7 { try wire.errorCode("ErrorCode", &errorCode) }
        if wire.version >= 7 { try wire.int32("SessionId", &sessionID) }
        try wire.array("Responses", &topics)
        let known: TagSet = .tag(0, if: wire.version >= 16)
        let present: TagSet = .tag(0, if: !nodeEndpoints.isEmpty)
        try wire.taggedFields(known: known, present: present) { (_, wire) throws(WireError) in
            try wire.array("NodeEndpoints", &nodeEndpoints)
        }
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 12 { try wire.string("Topic", &name) }
            if wire.version >= 13 { try wire.uuid("TopicId", &topicID) }
            try wire.array("Partitions", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var errorCode = ErrorCode.none
        package var highWatermark: Int64 = 0
        /// Everything before belongs to no open transaction.
        package var lastStableOffset: Int64 = -1
        package var logStartOffset: Int64 = -1
        /// Where the fetcher's history and this one part; default if they do not.
        package var divergingEpoch = EpochEndOffset()
        package var currentLeader = LeaderIDAndEpoch()
        /// The snapshot to load instead of the offset asked for; only for the metadata log.
        package var snapshotID = SnapshotID()
        package var abortedTransactions: [AbortedTransaction]?
        /// The replica to fetch from next time, or −1 to stay (KIP-392).
        package var preferredReadReplica: Int32 = -1
        package var records = RecordsField.null

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("PartitionIndex", &index)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int64("HighWatermark", &highWatermark)
            try wire.int64("LastStableOffset", &lastStableOffset)
            if wire.version >= 5 { try wire.int64("LogStartOffset", &logStartOffset) }
            try wire.nullableArray("AbortedTransactions", &abortedTransactions)
            if wire.version >= 11 { try wire.int32("PreferredReadReplica", &preferredReadReplica) }
            try wire.records("Records", &records)
            let known: TagSet = .tag(0) | .tag(1) | .tag(2)
            let present: TagSet =
                .tag(0, if: divergingEpoch != EpochEndOffset())
                | .tag(1, if: currentLeader != LeaderIDAndEpoch())
                | .tag(2, if: snapshotID != SnapshotID())
            try wire.taggedFields(known: known, present: present) { (tag, wire) throws(WireError) in
                switch tag {
                case 0: try wire.structure("DivergingEpoch", &divergingEpoch)
                case 1: try wire.structure("CurrentLeader", &currentLeader)
                default: try wire.structure("SnapshotId", &snapshotID)
                }
            }
        }
    }

    /// A leader epoch and where it ends.
    package struct EpochEndOffset: WireStruct {
        package var epoch: Int32 = -1
        package var endOffset: Int64 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Epoch", &epoch)
            try wire.int64("EndOffset", &endOffset)
            try wire.taggedFields()
        }
    }

    /// A snapshot of the metadata log.
    package struct SnapshotID: WireStruct {
        package var endOffset: Int64 = -1
        package var epoch: Int32 = -1

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int64("EndOffset", &endOffset)
            try wire.int32("Epoch", &epoch)
            try wire.taggedFields()
        }
    }

    /// A producer whose records from an offset on belong to an aborted transaction.
    package struct AbortedTransaction: WireStruct {
        package var producerID: Int64 = 0
        package var firstOffset: Int64 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int64("ProducerId", &producerID)
            try wire.int64("FirstOffset", &firstOffset)
            try wire.taggedFields()
        }
    }
}
