import Model
import Wire

/// Positions, and what belongs to groups.
extension Consumer {
    /// The partitions that are being read at the moment, in order.
    public var assignment: [Partition] { core.partitions.map(Partition.init).sorted() }

    /// The offset of the next record to hand out; nil if the partition is not being read.
    public func position(of partition: Partition) -> Int64? { core.position(of: partition.wire) }

    /// Goes on elsewhere in a partition. Records that were fetched ahead are dropped, those that were handed out are not.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` if the partition is not being read.
    public func seek(_ partition: Partition, to start: StartPosition) async throws(ClientError) {
        let notRead = ClientError(.invalidArgument, "\(partition) is not being read", hint: "seek once it is assigned")
        if core.position(of: partition.wire) == nil { throw notRead }
        let found = try await StartPositions.find(
            [partition.wire: start],
            cluster: core.cluster,
            isolation: core.configuration.isolation,
            needsEnds: false
        )
        guard let position = found[partition.wire]?.start, core.seek(partition.wire, to: position) else {
            throw notRead
        }
    }

    /// Hands out nothing of partitions until ``resume(_:)``, and fetches nothing. Partitions that are not being read are
    /// left out; a rebalance that takes a partition away ends its pause.
    public func pause(_ partitions: [Partition]) { core.setPaused(partitions.map(\.wire), true) }

    /// Goes on with partitions that were paused.
    public func resume(_ partitions: [Partition]) { core.setPaused(partitions.map(\.wire), false) }

    /// The partitions that are paused, in order.
    public var paused: [Partition] { core.paused.map(Partition.init).sorted() }

    // MARK: Commits

    /// Commits what is finished, and returns when the group's coordinator has stored it.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` outside of a group; named `ILLEGAL_GENERATION`,
    /// `UNKNOWN_MEMBER_ID` or `REBALANCE_IN_PROGRESS` if the group has gone on: others will read these records again.
    public func commit() async throws(ClientError) { try await session().commitFinished() }

    /// Commits these positions: the offsets of the next records to read.
    ///
    /// Throws what ``commit()`` throws, and ``ClientError`` named `OFFSET_METADATA_TOO_LARGE`.
    public func commit(_ offsets: [Partition: CommittedOffset]) async throws(ClientError) {
        try await session().commit(offsets)
    }

    /// Says that all records before these offsets are finished; for ``GroupConfiguration/finishesWhenReadOn`` set to false.
    /// The next commit stores it. Partitions that are not being read any more are left out.
    public func store(_ offsets: [Partition: Int64]) {
        core.finish(Dictionary(uniqueKeysWithValues: offsets.map { ($0.key.wire, $0.value) }))
    }

    /// What the group has committed for partitions; without those for which it has committed nothing.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` outside of a group.
    public func committed(_ partitions: [Partition]) async throws(ClientError) -> [Partition: CommittedOffset] {
        try await session().committedOffsets(partitions)
    }

    private func session() throws(ClientError) -> GroupSession {
        if let session = core.session.withLock({ $0 }) { return session }
        throw core.configuration.group == nil
            ? ClientError(.invalidArgument, "the consumer is in no group, so nothing can be committed")
            : ClientError(.closed, "the consumer has not begun to read, or is closed")
    }
}

extension Partition {
    fileprivate init(_ partition: TopicPartition) { self.init(topic: partition.topic, index: partition.partition) }
}
