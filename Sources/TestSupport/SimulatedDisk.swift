import Model

/// How the disk below a ``SimulatedFileSystem`` misbehaves. A value, owned by the file system's lock.
package struct SimulatedDisk: Sendable {
    /// Syncs claim success and make nothing durable.
    package var liesAboutSyncs = false
    /// A sync that fails drops what it should have written, as Linux does: that reads as it was written, and no later sync
    /// makes it durable unless it is written once more.
    package var dropsOnFailedSync = false
    /// A write that fails has written some of its bytes.
    package var writesInPart = false

    /// How much is written of what fails, and whether the last operation still happens.
    private var generator = SeededGenerator(seed: 0)
    private(set) var operationCount = 0
    var haltsAt: Int?
    var isHalted = false
    /// Whether the operation that runs is going to fail.
    var fails = false

    init() {}

    /// Makes everything that is left to chance repeatable.
    package mutating func seed(_ seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private static let pageSize = 4096

    /// What becomes of an operation.
    enum Verdict {
        case proceed
        /// Everything has stopped before.
        case refuse
        /// Everything stops here, before the operation or in its midst.
        case last(happens: Bool)
    }

    mutating func next() -> Verdict {
        if isHalted { return .refuse }
        operationCount += 1
        guard operationCount == haltsAt else { return .proceed }
        isHalted = true
        return .last(happens: Bool.random(using: &generator))
    }

    /// Whether a failing operation changes something all the same.
    func leavesTraces(_ operation: SimulatedFileSystem.Operation) -> Bool {
        switch operation {
        case .write: writesInPart
        case .sync, .syncAll: dropsOnFailedSync
        default: false
        }
    }

    /// How many of a write's bytes get to the file. A process that is killed stops between two pages.
    mutating func written(of count: Int, at position: Int) -> Int {
        if isHalted {
            let cut = position + Int.random(in: 0...count, using: &generator)
            let boundary = cut / Self.pageSize * Self.pageSize
            return Bool.random(using: &generator) ? count : max(0, boundary - position)
        }
        guard fails else { return count }
        // Often all or nothing: these are the cases that code forgets.
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return 0
        case 1: return count
        default: return Int.random(in: 0...count, using: &generator)
        }
    }
}

/// What a power cut leaves of changes that were not synced. A value.
struct Survival {
    private var generator: SeededGenerator
    private let data: Manner
    private let entries: Manner

    /// How changes to one kind of thing survive.
    private enum Manner: CaseIterable {
        case none
        case all
        /// As many as there was time for, in order: a journal.
        case prefix
        /// Any of them.
        case any
    }

    init(generator: SeededGenerator) {
        var generator = generator
        data = Manner.allCases.randomElement(using: &generator) ?? .none
        entries = Manner.allCases.randomElement(using: &generator) ?? .none
        self.generator = generator
    }

    /// Which of a directory's changes, in their order, are there afterwards.
    mutating func survivors(of count: Int) -> [Int] {
        switch entries {
        case .none: []
        case .all: Array(0..<count)
        case .prefix: Array(0..<Int.random(in: 0...count, using: &generator))
        case .any: (0..<count).filter { _ in Bool.random(using: &generator) }
        }
    }

    /// What of a file's changes is there afterwards.
    mutating func plan(for count: Int) -> FilePlan {
        switch data {
        case .none: .prefix(0)
        case .all: .prefix(count)
        case .prefix: .prefix(Int.random(in: 0...count, using: &generator))
        case .any: .pages(size: moment(count))
        }
    }

    enum FilePlan {
        /// So many changes, whole.
        case prefix(Int)
        /// The size after so many changes, and each page for itself.
        case pages(size: Int)
    }

    /// A number of changes after which a page, or the size, was written: none, all, or anything between.
    mutating func moment(_ count: Int) -> Int {
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: 0
        case 1: count
        default: Int.random(in: 0...count, using: &generator)
        }
    }

    /// Whether a page's sectors were written each for itself.
    mutating func isTorn() -> Bool { Int.random(in: 0..<4, using: &generator) == 0 }
}
