import Glibc

/// What the limit of open files (ulimit -n) leaves for partitions. Immutable.
enum FileLimits {
    /// Descriptors of the active segment of a partition: log, offset index, time index.
    private static let perPartition = 3
    /// Kept for connections, sealed segments that are read, and everything else.
    private static let reserved = 1000

    /// The process's limit of open files.
    static var openFiles: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    static var maximumPartitions: Int { max(16, (openFiles - reserved) / perPartition) }
}
