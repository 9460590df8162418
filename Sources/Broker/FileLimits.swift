import Glibc
import Model

/// How the process's limits of open files (ulimit -n) and mappings (vm.max_map_count) are shared out. Immutable.
package struct FileLimits: Sendable {
    /// Files of logs that are kept open whatever else is: the others are opened when they are used.
    package let logFiles: Int
    /// Files of logs that are kept open while there are few connections.
    package let logFilesAtMost: Int
    /// Connections of clients.
    package let connections: Int

    /// For what is open for a moment only: files on their way to a client, small files, new segments; and for threads.
    private static let reservePart = 10
    private static let smallestReserve = 48
    /// Of the descriptors, for logs. With the default limit of 20,000 that leaves more than 10,000 for clients.
    private static let logPart = 3
    /// Of the descriptors, always free for clients that may come: until they have, logs have what they leave.
    private static let clientPart = 4
    /// The least that lets a broker work at all, however small the limits are.
    private static let fewest = 16
    /// What Linux allows where nobody has set vm.max_map_count.
    private static let defaultMappings = 65_530

    /// - Parameter logFiles: How many files of logs shall be kept open (`log.open.files.max`); nil for a third of what
    ///   the process may have.
    package init(openFiles: Int, mappings: Int, logFiles: Int?) {
        let reserve = max(Self.smallestReserve, openFiles / Self.reservePart)
        let most = max(Self.fewest, min(openFiles - reserve, mappings - mappings / Self.reservePart))
        self.logFiles = min(most, max(Self.fewest, logFiles ?? min(openFiles / Self.logPart, mappings / 2)))
        connections = max(Self.fewest, openFiles - reserve - self.logFiles)
        let lent = min(openFiles - reserve - openFiles / Self.clientPart, mappings / 2)
        logFilesAtMost = logFiles == nil ? max(self.logFiles, lent) : self.logFiles
    }

    /// Files of logs that are kept open beside so many connections.
    package func logFiles(beside connections: Int) -> Int {
        max(logFiles, min(logFilesAtMost, logFiles + self.connections - connections))
    }

    /// With this process's limits.
    package init(logFiles: Int?) {
        self.init(openFiles: Self.openFiles, mappings: Self.mappings, logFiles: logFiles)
    }

    /// Lets the process open as many files as it is allowed to allow itself.
    package static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        // Where that is refused, less has to do.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static var openFiles: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    private static var mappings: Int {
        var bytes = [UInt8](repeating: 0, count: 32)
        do {
            let file = try PosixFileSystem().open("/proc/sys/vm/max_map_count", .read)
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: .zero) }
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            return Int(text.prefix { $0.isNumber }) ?? defaultMappings
        } catch {
            return defaultMappings
        }
    }

    // MARK: Partitions

    /// What an idle partition may cost in memory.
    private static let bytesPerPartition = 32 << 10

    /// How many partitions half of the machine's memory is enough for. They need no open files while they are idle.
    static var maximumPartitions: Int {
        let (bytes, overflow) = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(
            by: sysconf(Int32(_SC_PAGESIZE))
        )
        return overflow ? Int(Int32.max) : max(1000, bytes / 2 / bytesPerPartition)
    }
}
