package import Model

/// The world a log lives in: the seams it works through and the limits that are not the topic's. Immutable.
package struct LogEnvironment: Sendable {
    package var fileSystem: any FileSystem
    package var time: any TimeSource
    /// How far disk space is reserved ahead of an append at most; small logs reserve as much as they hold.
    package var reserveStep = 64 << 20
    /// Up to how many bytes behind the log's end are taken to be in the page cache without asking the kernel.
    package var recentTailBytes = 1 << 20
    /// `producer.id.expiration.ms`
    package var producerExpirationMilliseconds: Int64 = 24 * 60 * 60 * 1000
    /// How many idempotent producers one partition remembers; beyond that the longest silent are forgotten.
    package var maximumProducers = 10_000
    /// How much a batch may grow when a search by timestamp has to look inside it.
    package var maximumDecompressedBytes = 256 << 20

    /// Segments up to this size are looked through from their start after a crash, longer ones from the last checkpoint.
    package var fullScanBytes = 1 << 20
    /// How much is appended between two notes of the producers' state inside a segment.
    package var producerNoteBytes = 16 << 20
    /// Whether a log directory commits on threads of its own; else whoever uses it calls ``LogDirectory/commit()``, as
    /// simulations do, in which nothing may happen by itself.
    package var commitsInBackground = true

    /// How much of the disk is kept for what makes room (`log.reserve.bytes`).
    package var spaceReserve = SpaceReserve()

    /// Says whether there is room for an append; nil where nobody looks.
    var space: DiskSpace?

    /// What keeps the number of open files inside the process's limits; nil where few are opened.
    package var openFiles: OpenFiles?
    /// Makes appended records durable in the background; nil where the log's user does so by ``PartitionLog/flush()``.
    var groupCommit: GroupCommit?

    package init(fileSystem: any FileSystem = PosixFileSystem(), time: any TimeSource = SystemTime()) {
        self.fileSystem = fileSystem
        self.time = time
    }

    /// The first reservation of disk space for a segment.
    static let firstReserveBytes = 64 << 10
    /// The buffer through which files are read that must not be mapped.
    static let scratchBytes = 1 << 20
}
