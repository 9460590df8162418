import Glibc
import Model
import TestSupport

/// The faults that are under way, and what they excuse. A value, owned by its simulation.
struct SimulatedFaults {
    /// What is to fail.
    enum Kind: CaseIterable {
        /// EIO, after which a log may refuse everything.
        case write, sync, read
        /// Something is missing that will be there again: no log may refuse anything after that.
        case fullDisk, spaceForWrites, descriptors
    }

    /// Whether something may fail at the moment.
    private(set) var isActive = false
    private let hasBroken = Locked(false)
    private var endsAtStep = 0

    /// Whether a fault has come after which a log, or its directory, may take nothing more.
    var mayHaveBroken: Bool { hasBroken.withLock { $0 } }

    /// Lets operations fail: one of the next, or several in a row.
    mutating func begin(_ kind: Kind, at step: Int, _ fileSystem: SimulatedFileSystem, _ random: inout SeededGenerator)
    {
        isActive = true
        endsAtStep = step + Int.random(in: 1...10, using: &random)
        if kind == .fullDisk { return fileSystem.limit(freeBytes: Int.random(in: 0...600, using: &random)) }
        let state = Locked((delay: Int.random(in: 0...4, using: &random), left: Int.random(in: 1...3, using: &random)))
        let (operations, code) = Self.failure(kind)
        let breaks = hasBroken
        fileSystem.inject { operation, _ in
            guard operations.contains(operation) else { return nil }
            let fails = state.withLock { state in
                if state.delay > 0 { state.delay -= 1 } else { state.left -= 1 }
                return state.delay == 0 && state.left >= 0
            }
            if fails, code == EIO { breaks.withLock { $0 = true } }
            return fails ? code : nil
        }
    }

    private static func failure(_ kind: Kind) -> (Set<SimulatedFileSystem.Operation>, CInt) {
        switch kind {
        case .write: ([.write, .truncate, .rename, .remove], EIO)
        case .sync: ([.sync, .syncDirectory, .syncAll], EIO)
        case .read: ([.read, .list, .map], EIO)
        case .fullDisk, .spaceForWrites: ([.write, .reserve], ENOSPC)
        case .descriptors: ([.open], EMFILE)
        }
    }

    mutating func end(at step: Int, _ fileSystem: SimulatedFileSystem) {
        guard isActive, step >= endsAtStep else { return }
        isActive = false
        fileSystem.inject(nil)
        fileSystem.limit(freeBytes: nil)
    }

    /// The process has ended: what it has broken is in the past.
    mutating func clear(_ fileSystem: SimulatedFileSystem) {
        self = SimulatedFaults()
        fileSystem.inject(nil)
        fileSystem.limit(freeBytes: nil)
    }
}
