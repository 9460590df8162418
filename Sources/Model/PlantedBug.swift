#if PLANT_BUGS
    import Glibc
#endif

/// Bugs that a build with `-DPLANT_BUGS` can be told to have, one at a time, so that the tests can show that they find
/// them (scripts/plant). Other builds have none: there ``planted(_:)`` is the constant false, and what it guards is not
/// even compiled.
@usableFromInline
package enum PlantedBug: Sendable {
    /// A batch whose write has failed is acknowledged all the same.
    case acknowledgeBeforeWrite
    /// Segments are not synced, only said to be.
    case skipDataSync
    /// The name of a new segment is not made durable.
    case skipDirectorySyncOnRoll
    /// Consumers see records before they are durable.
    case highWatermarkAheadOfDurable
    /// Recovery does not look at checksums.
    case keepTornBatch
    /// Recovery cuts off the last good batch.
    case truncateOneBatchTooMany
    /// Snapshots of the producers hold none.
    case forgetProducers
    /// Of each producer four batches are remembered, and it may have five in flight.
    case fourBatchWindow
    /// An entry of the offset index says where the batch after its own begins.
    case indexOffByOne
    /// The directory entry of a new manifest is not made durable.
    case skipDirectorySyncOfManifest
    /// Compaction loses the last batch of a segment where another follows.
    case dropLastBatchBeforeBoundary
    /// Tombstones go at once, not after `delete.retention.ms`.
    case removeTombstonesEarly
    /// Want of descriptors is taken for a disk that fails.
    case descriptorShortageIsDiskFailure
}

#if PLANT_BUGS
    extension PlantedBug: CaseIterable {
        /// The bug of this process, by its name in the environment.
        static let active: PlantedBug? = {
            guard let name = getenv("MARTLET_PLANT").map({ String(cString: $0) }) else { return nil }
            let bug = allCases.first { "\($0)" == name }
            invariant(bug != nil, "MARTLET_PLANT names a bug that there is")
            return bug
        }()
    }

    /// Whether the code is to have that bug now.
    package func planted(_ bug: PlantedBug) -> Bool { PlantedBug.active == bug }
#else
    /// Whether the code is to have that bug now: never in this build.
    @inlinable @inline(__always)
    package func planted(_ bug: PlantedBug) -> Bool { false }
#endif
