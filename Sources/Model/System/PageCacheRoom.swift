import CSyscalls
import Glibc

/// Whether there is room for more in the page cache: of the machine, and of the control group that caps the process's
/// memory as a container does. Thread-safe.
package final class PageCacheRoom: Sendable {
    /// The one of this process.
    package static let shared = PageCacheRoom()

    /// Less of the memory than this part is no room: the kernel begins to push out.
    static let scarcePart: UInt64 = 16
    /// An answer is good for so long.
    private static let validity = Duration.milliseconds(100)

    private let time: any TimeSource
    private let root: String
    private let last = Locked<(asked: Instant, isScarce: Bool)?>(nil)

    /// - Parameter root: Where the system's files are; another directory for tests.
    package init(root: String = "", time: any TimeSource = SystemTime()) {
        self.root = root
        self.time = time
    }

    /// Whether what is read next is likely to push something out of the page cache.
    package func isScarce() -> Bool {
        let now = time.instant
        if let last = last.withLock({ $0 }), last.asked.duration(to: now) < Self.validity { return last.isScarce }
        let isScarce = Self.isShort(free: freeBytes, of: totalBytes) || groups.contains(where: isFull)
        last.withLock { $0 = (now, isScarce) }
        return isScarce
    }

    private static func isShort(free: UInt64?, of total: UInt64?) -> Bool {
        guard let free, let total else { return false }
        return free < total / scarcePart
    }

    // MARK: The machine

    private var totalBytes: UInt64? { meminfo("MemTotal:") }
    private var freeBytes: UInt64? { meminfo("MemFree:") }

    private func meminfo(_ name: String) -> UInt64? {
        guard let line = lines("/proc/meminfo").first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }.map { $0 * 1024 }
    }

    // MARK: Control groups

    /// The process's groups of both kinds: files of the limit and of what is used.
    private var groups: [(limit: String, used: String)] {
        lines("/proc/self/cgroup").flatMap { line -> [(limit: String, used: String)] in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return [] }
            // In a container the group may be mounted as the root, whatever it is called outside.
            let paths = [String(parts[2]), ""]
            if parts[1].isEmpty {
                return paths.map { ("/sys/fs/cgroup\($0)/memory.max", "/sys/fs/cgroup\($0)/memory.current") }
            }
            guard parts[1].split(separator: ",").contains("memory") else { return [] }
            let directory = "/sys/fs/cgroup/memory"
            return paths.map {
                ("\(directory)\($0)/memory.limit_in_bytes", "\(directory)\($0)/memory.usage_in_bytes")
            }
        }
    }

    private func isFull(_ group: (limit: String, used: String)) -> Bool {
        // "max" where there is no limit, or a number that no machine has.
        guard let limit = number(group.limit), let used = number(group.used) else { return false }
        return Self.isShort(free: limit > used ? limit - used : 0, of: limit)
    }

    private func number(_ path: String) -> UInt64? { lines(path).first.flatMap { UInt64($0) } }

    /// The lines of one of the system's small files; none if it cannot be read.
    private func lines(_ path: String) -> [Substring] {
        let descriptor = martlet_open(root + path, O_RDONLY, 0)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return [] }
        return String(decoding: bytes[0..<count], as: UTF8.self).split(separator: "\n")
    }
}
