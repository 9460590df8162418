package import Model

/// What a producer snapshot holds. Immutable.
package struct InspectedSnapshot: Equatable, Sendable {
    /// One producer, as of its last batch.
    package struct Producer: Equatable, Sendable {
        package let id: ProducerID
        package let epoch: Int16
        /// nil if the snapshot has no batch of it.
        package let lastSequence: SequenceNumber?
        package let lastOffset: Offset?
        package let lastTimestamp: Timestamp
        package let coordinatorEpoch: Int32
        package let transactionStart: Offset?
        /// How many batches are remembered.
        package let batches: Int
    }

    /// By id.
    package let producers: [Producer]
    /// Why the broker would not use it, although it could be read.
    package let problem: String?

    private static let maximumBytes = 512 << 20

    /// Reads a `.snapshot` file, also one whose checksum is wrong.
    package static func read(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> InspectedSnapshot {
        guard let bytes = try SmallFile.read(path, limit: maximumBytes, fileSystem) else {
            throw .missing(path)
        }
        var state = ProducerState(maximumProducers: .max)
        let problem = try ProducerSnapshotFormat.decodeInspecting(bytes, path: path, into: &state)
        let producers = state.producers.sorted { $0.key.rawValue < $1.key.rawValue }.map { id, producer in
            Producer(
                id: id,
                epoch: producer.epoch,
                lastSequence: producer.batches.last?.lastSequence,
                lastOffset: producer.batches.last?.lastOffset,
                lastTimestamp: producer.lastTimestamp,
                coordinatorEpoch: producer.coordinatorEpoch,
                transactionStart: producer.transactionStart,
                batches: producer.batches.count
            )
        }
        return InspectedSnapshot(producers: producers, problem: problem)
    }
}
