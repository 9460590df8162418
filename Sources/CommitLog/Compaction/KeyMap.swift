import Glibc
import Model

/// The last offset of each key in a range of a log, in memory of a fixed size. Owned by one compaction.
///
/// An open-addressed table of 24-byte entries: digest of the key, and offset + 1, so that untouched memory reads as free
/// entries and is not even there before it is used.
final class KeyMap {
    static let entrySize = 24
    /// How full the table may be: beyond, probing gets long.
    private static let fill = 0.9

    /// How many keys fit.
    let capacity: Int
    private(set) var count = 0
    /// The offset behind the last record that was taken in: what lies from here on, the map knows nothing of.
    private(set) var end: Offset
    private let secret: KeyDigest.Secret
    private let slots: Int
    private let memory: UnsafeMutablePointer<Entry>
    private let length: Int

    private struct Entry {
        var digest: KeyDigest
        var nextOffset: Int64
    }

    /// - Parameters:
    ///   - bytes: The most memory that may be used; room for one key at least is always there.
    ///   - expectedKeys: More than that will not come.
    init(bytes: Int, expectedKeys: Int, from start: Offset, secret: KeyDigest.Secret) throws(LogError) {
        let affordable = max(2, bytes / Self.entrySize)
        let (needed, overflow) = expectedKeys.multipliedReportingOverflow(by: 5)
        slots = max(2, overflow ? affordable : min(affordable, needed / 4 + 2))
        capacity = max(1, Int(Double(slots) * Self.fill))
        end = start
        self.secret = secret
        length = slots * MemoryLayout<Entry>.stride
        let zeros = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let zeros, zeros != MAP_FAILED else {
            throw .storage(FileError("allocate memory for", "the keys of a compaction", code: errno))
        }
        // Keys are all over the place: with small pages, most looks at one would be two misses. Only a hint.
        madvise(zeros, length, MADV_HUGEPAGE)
        memory = zeros.bindMemory(to: Entry.self, capacity: slots)
    }

    deinit { munmap(memory, length) }

    /// Notes a record; offsets must grow. False if the key is new and there is no room for it: the map ends here.
    func note(_ key: UnsafeRawBufferPointer?, at offset: Offset) -> Bool {
        if let key {
            let digest = KeyDigest(of: key, secret: secret)
            let slot = slot(of: digest)
            if memory[slot].nextOffset == 0 {
                if count == capacity { return false }
                count += 1
            }
            memory[slot] = Entry(digest: digest, nextOffset: offset.rawValue + 1)
        }
        end = offset + 1
        return true
    }

    /// Notes that nothing is left unseen below `offset`.
    func pass(to offset: Offset) { end = max(end, offset) }

    /// Whether a later record of the same key is known.
    func isSuperseded(_ key: UnsafeRawBufferPointer, at offset: Offset) -> Bool {
        let found = memory[slot(of: KeyDigest(of: key, secret: secret))].nextOffset
        return found > offset.rawValue + 1
    }

    /// The entry of the digest, or the free one where it belongs. There always is one.
    private func slot(of digest: KeyDigest) -> Int {
        var slot = Int(digest.low % UInt64(slots))
        while memory[slot].nextOffset != 0, memory[slot].digest != digest {
            slot = slot + 1 == slots ? 0 : slot + 1
        }
        return slot
    }
}
