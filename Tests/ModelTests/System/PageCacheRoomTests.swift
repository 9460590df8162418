import TestSupport
import Testing

@testable import Model

/// When the page cache has no room left, told from the system's files.
@Suite struct PageCacheRoomTests {
    private let directory: TemporaryDirectory
    private let files = PosixFileSystem()
    private let time = ManualTime()

    init() throws { directory = try TemporaryDirectory() }

    private func put(_ text: String, _ path: String) throws {
        let whole = directory.path + path
        let parent = whole.split(separator: "/").dropLast().joined(separator: "/")
        try files.createDirectory("/" + parent)
        let file = try files.open(whole, .createIfMissing)
        try file.truncate(to: 0)
        try Array(text.utf8).withUnsafeBytes { bytes in
            try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
        }
    }

    private func memory(freeMegabytes: Int) throws {
        try put("MemTotal:       16000000 kB\nMemFree:    \(freeMegabytes * 1000) kB\nCached: 1 kB\n", "/proc/meminfo")
    }

    private var room: PageCacheRoom { PageCacheRoom(root: directory.path, time: time) }

    @Test func whatTheSystemDoesNotTellIsNotScarce() throws {
        #expect(!room.isScarce())
        try put("nothing of use\nMemTotal:\nMemFree: many kB\n", "/proc/meminfo")
        try put("no colons\n1:memory\n::\n0::/nowhere\n", "/proc/self/cgroup")
        #expect(!room.isScarce())
    }

    @Test func aMachineWithLittleFreeMemoryHasNoRoom() throws {
        try memory(freeMegabytes: 999)
        #expect(room.isScarce())
        try memory(freeMegabytes: 1_001)
        #expect(!room.isScarce())
    }

    @Test(arguments: ["/a/group", ""]) func aGroupThatUsesAlmostAllItMayHasNoRoom(mounted: String) throws {
        try memory(freeMegabytes: 9_000)
        try put("3:cpuset:/\n0::/a/group\n", "/proc/self/cgroup")
        try put("256000000\n", "/sys/fs/cgroup\(mounted)/memory.max")
        try put("250000000\n", "/sys/fs/cgroup\(mounted)/memory.current")
        #expect(room.isScarce())
        try put("200000000\n", "/sys/fs/cgroup\(mounted)/memory.current")
        #expect(!room.isScarce())
        try put("max\n", "/sys/fs/cgroup\(mounted)/memory.max")
        #expect(!room.isScarce())
    }

    @Test func aGroupOfTheFirstKindCountsAsWell() throws {
        try memory(freeMegabytes: 9_000)
        try put("9:name=systemd:/\n4:hugetlb,memory:/group\n0::/\n", "/proc/self/cgroup")
        try put("256000000\n", "/sys/fs/cgroup/memory/group/memory.limit_in_bytes")
        try put("257000000\n", "/sys/fs/cgroup/memory/group/memory.usage_in_bytes")
        #expect(room.isScarce())
        try put("9223372036854771712\n", "/sys/fs/cgroup/memory/group/memory.limit_in_bytes")
        #expect(!room.isScarce())
    }

    @Test func anAnswerIsGoodForAMoment() throws {
        try memory(freeMegabytes: 9_000)
        let room = room
        #expect(!room.isScarce())
        try memory(freeMegabytes: 1)
        #expect(!room.isScarce())
        time.advance(milliseconds: 100)
        #expect(room.isScarce())
    }
}
