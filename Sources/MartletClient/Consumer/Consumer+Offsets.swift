/// Looking up offsets, of any partition, whether it is read or not.
extension Consumer {
    /// The offset of the first record with a timestamp or a later one, for each partition. Partitions in which no record is
    /// so late are left out.
    ///
    /// - Parameter times: Milliseconds since 1970-01-01T00:00Z.
    ///
    /// Throws ``ClientError`` named `UNKNOWN_TOPIC_OR_PARTITION` if a topic does not exist; of kind
    /// ``ClientError/Kind/invalidArgument`` if a partition does not.
    public func offsets(forTimes times: [Partition: Int64]) async throws(ClientError) -> [Partition: Int64] {
        try await core.cluster.lookUp(times.mapValues { .time($0) }, isolation: core.configuration.isolation)
    }

    /// The offset of the oldest record of each partition; that of the next one where there is none.
    ///
    /// Throws what ``offsets(forTimes:)`` throws.
    public func beginningOffsets(of partitions: [Partition]) async throws(ClientError) -> [Partition: Int64] {
        try await lookUp(partitions, .beginning)
    }

    /// The offset that the next record of each partition will get; with ``ConsumerConfiguration/Isolation/readCommitted``
    /// that of the first open transaction, if there is one.
    ///
    /// Throws what ``offsets(forTimes:)`` throws.
    public func endOffsets(of partitions: [Partition]) async throws(ClientError) -> [Partition: Int64] {
        try await lookUp(partitions, .end)
    }

    private func lookUp(_ partitions: [Partition], _ point: OffsetPoint) async throws(ClientError) -> [Partition: Int64]
    {
        let points = Dictionary(partitions.map { ($0, point) }, uniquingKeysWith: { first, _ in first })
        return try await core.cluster.lookUp(points, isolation: core.configuration.isolation)
    }
}
