import CommitLog
import Model
import Records

/// What a seed decides before anything runs: which limits hold, and what may go wrong. Immutable.
///
/// Each seed leaves a random part of everything out (swarm testing): what always happens together hides what happens
/// alone. Limits are tiny, so that a short run meets rolls, torn pages and full indexes many times.
struct Swarm {
    /// What can happen besides appends and reads.
    enum Feature: CaseIterable {
        // Ends of the process.
        case powerCuts, kills, cleanStops, haltsInside, haltsInRecovery
        // Faults of the disk.
        case writeErrors, shortages, syncErrors, readErrors
        // Work.
        case idempotence, commits, checkpoints, flushes, deletions, retention, comingAndGoing, handleReleases
        case searches, compression, bigBatches, clockJumps
        // Drawn apart: of seeds, half are about this as well.
        case compaction, scrubs

        fileprivate static let drawnApart: Set<Feature> = [.compaction, .scrubs]
    }

    let features: Set<Feature>
    /// Syncs make nothing durable. Nothing can be promised then but to start, and to serve no nonsense.
    let hasLyingDisk: Bool
    let partitionCount: Int
    let stepCount: Int
    let config: LogConfig
    /// Of the environment: from which size on segments are looked through from the checkpoint, and how often in between
    /// the producers are noted.
    let fullScanBytes: Int
    let producerNoteBytes: Int

    init(seed: UInt64, using generator: inout SeededGenerator) {
        var features: Set<Feature> = []
        for feature in Feature.allCases
        where !Feature.drawnApart.contains(feature) && Int.random(in: 0..<100, using: &generator) < 65 {
            features.insert(feature)
        }
        hasLyingDisk = Int.random(in: 0..<20, using: &generator) == 0
        partitionCount = Int.random(in: 1...3, using: &generator)
        stepCount = Int.random(in: 100...900, using: &generator)
        var config = Self.config(features, using: &generator)
        var compactionGenerator = SeededGenerator(seed: seed ^ Self.compactionSalt)
        if Bool.random(using: &compactionGenerator) || Scenario.compacts(seed) {
            features.insert(.compaction)
            if Bool.random(using: &compactionGenerator) { features.insert(.scrubs) }
            Self.compact(&config, using: &compactionGenerator)
        }
        self.features = features
        self.config = config
        fullScanBytes = Bool.random(using: &generator) ? 0 : 1 << 20
        producerNoteBytes = Bool.random(using: &generator) ? 300 : 16 << 20
    }

    private static let compactionSalt: UInt64 = 0x636f_6d70_6163_7421

    private static func compact(_ config: inout LogConfig, using generator: inout SeededGenerator) {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
        config.cleanupPolicy = pick([.compact, .compact, [.compact, .delete]])
        config.deleteRetentionMilliseconds = pick([0, 300, 2000, 1 << 40])
        config.minCompactionLagMilliseconds = pick([0, 0, 0, 300])
    }

    func has(_ feature: Feature) -> Bool { features.contains(feature) }

    private static func config(_ features: Set<Feature>, using generator: inout SeededGenerator) -> LogConfig {
        func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
        var config = LogConfig()
        config.segmentBytes = pick([1000, 2000, 9000, 64 << 10])
        config.indexIntervalBytes = pick([0, 100, 4096])
        config.segmentIndexBytes = pick([40, 200, 10 << 20])
        config.durability = pick([.fsync, .fsync, .fsync, .pageCache])
        config.flushMessages = pick([.max, .max, 1, 7])
        config.flushMilliseconds = pick([.max, .max, 50])
        config.fileDeleteDelayMilliseconds = pick([0, 200, 60_000])
        config.timestampAfterMaxMilliseconds = .max
        config.preallocate = pick([false, false, true])
        config.retentionMilliseconds = nil
        if features.contains(.retention) {
            config.retentionMilliseconds = pick([nil, 2000, 100_000])
            config.retentionBytes = pick([nil, 1500, 20_000])
        }
        return config
    }
}
