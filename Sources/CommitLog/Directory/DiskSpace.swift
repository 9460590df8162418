package import Model
import Synchronization

/// How much room a log directory's file system has, and who may still write. Thread-safe: ``check()`` asks the system,
/// on a thread that may block; whoever appends looks at an atomic.
///
/// A part of the disk is kept in reserve. Below it clients' records are refused, with an error on which producers wait
/// and try again; below a fourth of it the broker's own topics as well. What is left serves what makes room: deletions,
/// retention, compaction, and the catalogue.
package final class DiskSpace: Sendable {
    /// Who may write.
    package enum Level: Int, Comparable, Sendable {
        /// Everybody.
        case ample
        /// The broker's own topics, such as those of offset commits.
        case low
        /// Only what makes room.
        case critical

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// What a look at the file system has found. Immutable.
    package struct Status: Equatable, Sendable {
        package var level = Level.ample
        /// nil where the system does not say.
        package var space: FileSystemSpace?
        /// What is kept, in bytes.
        package var reserve = 0
    }

    private struct State {
        var status = Status()
        /// A write has failed since the last look.
        var hasRunOut = false
        var alarm: (@Sendable () -> Void)?
    }

    package let path: String
    private let fileSystem: any FileSystem
    private let reserve: SpaceReserve
    private let state = Locked(State())
    private let level = Atomic<Int>(Level.ample.rawValue)
    /// Bytes until someone should look again.
    private let budget = Atomic<Int>(0)

    init(path: String, fileSystem: any FileSystem, reserve: SpaceReserve) {
        self.path = path
        self.fileSystem = fileSystem
        self.reserve = reserve
    }

    package var status: Status { state.withLock { $0.status } }

    /// Whom to call when it is time for ``check()``. Must not block.
    package func setAlarm(_ alarm: @escaping @Sendable () -> Void) { state.withLock { $0.alarm = alarm } }

    /// Looks at the file system and decides who may write from now on.
    @discardableResult
    package func check() throws(LogError) -> Status {
        // Before looking: what runs out meanwhile counts for the next time.
        let hasRunOut = state.withLock { state in
            defer { state.hasRunOut = false }
            return state.hasRunOut
        }
        let space = try storage { () throws(FileError) in try fileSystem.space(of: path) }
        return state.withLock { state in
            var status = Status(level: .ample, space: space, reserve: 0)
            if let space {
                status.reserve = reserve.bytes(of: space)
                status.level = reserve.level(space, before: state.status.level)
                budget.store(max(0, space.free - status.reserve) / 2, ordering: .relaxed)
            }
            // Whatever the system says is free, a quota or a lack of inodes kept it from being used.
            if hasRunOut || state.hasRunOut { status.level = max(status.level, .low) }
            state.status = status
            level.store(status.level.rawValue, ordering: .relaxed)
            return status
        }
    }

    // MARK: Whoever appends

    /// Why this append is not to be tried; nil if it is.
    func refusal(of origin: AppendOrigin, _ config: LogConfig) -> LogError? {
        let level = level.load(ordering: .relaxed)
        guard level > Level.ample.rawValue, !config.usesReserve else { return nil }
        if level == Level.low.rawValue, origin == .broker { return nil }
        let status = status
        return .spaceLow(path: path, free: status.space?.free ?? 0, reserve: status.reserve)
    }

    /// Says how much was written: after half of what is left, someone should look.
    func noteWritten(_ bytes: Int) {
        let before = budget.subtract(bytes, ordering: .relaxed).oldValue
        if before > 0, before <= bytes { state.withLock { $0.alarm }?() }
    }

    /// Says that a write has failed for want of space: nobody needs to try before someone has looked.
    func noteShortage() {
        let alarm = state.withLock { state in
            state.hasRunOut = true
            state.status.level = max(state.status.level, .low)
            level.store(state.status.level.rawValue, ordering: .relaxed)
            return state.alarm
        }
        alarm?()
    }
}

/// How much of a disk is kept (`log.reserve.bytes`), and what follows from what is free. Immutable.
package struct SpaceReserve: Equatable, Sendable {
    /// Of the disk, where nothing else is said, but no more than ``largestShare``.
    private static let share = 20
    private static let largestShare = 10 << 30
    /// Small disks keep one part in so many at most: two segments may be more than all there is.
    private static let shareOfSmallDisks = 10
    /// Below one part in so many of the reserve only what makes room may write.
    private static let criticalPart = 4
    /// Writing goes on once there is more than the reserve by one part in so many, so that it does not flicker.
    private static let slackPart = 16

    /// nil: by the size of the disk.
    package var fixedBytes: Int?
    /// `log.segment.bytes`: compaction needs room for a segment beside the one that it replaces.
    package var segmentBytes: Int

    package init(fixedBytes: Int? = nil, segmentBytes: Int = LogConfig().segmentBytes) {
        self.fixedBytes = fixedBytes
        self.segmentBytes = segmentBytes
    }

    /// What is kept of such a disk.
    package func bytes(of space: FileSystemSpace) -> Int {
        if let fixedBytes { return fixedBytes }
        let wanted = max(segmentBytes.multipliedClamped(by: 2), min(space.total / Self.share, Self.largestShare))
        return min(wanted, space.total / Self.shareOfSmallDisks)
    }

    func level(_ space: FileSystemSpace, before: DiskSpace.Level) -> DiskSpace.Level {
        let reserve = bytes(of: space)
        if space.free < reserve / Self.criticalPart { return .critical }
        let isEnough = space.free >= reserve + (before == .ample ? 0 : reserve / Self.slackPart)
        return isEnough ? .ample : .low
    }
}

extension Int {
    fileprivate func multipliedClamped(by factor: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
