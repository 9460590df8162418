package import Model

/// What an index file holds, entry by entry, and what cannot be right about it by itself. Immutable.
package struct InspectedIndex<Entry: Equatable & Sendable>: Equatable, Sendable {
    package struct Problem: Equatable, Sendable {
        package let position: FilePosition
        package let reason: String
    }

    /// Those that are in order; the others are ``problems``.
    package let entries: [Entry]
    package let problems: [Problem]
    /// Zeros at the end, as Kafka preallocates them.
    package let unusedBytes: Int
}

/// The largest index that is read at once; Kafka's largest by default has 10 MiB.
private let maximumIndexBytes = 512 << 20

extension InspectedIndex<OffsetIndexEntry> {
    /// Reads a `.index` file; nil if there is none.
    package static func read(_ path: String, base: Offset, _ fileSystem: any FileSystem) throws(LogError) -> Self? {
        guard let bytes = try SmallFile.read(path, limit: maximumIndexBytes, fileSystem) else { return nil }
        return InspectedIndex(bytes, entrySize: OffsetIndexFormat.entrySize, keepsFirst: false) { bytes, last in
            guard let entry = OffsetIndexFormat.decode(bytes, base: base) else {
                return .failure("an offset or a position is negative")
            }
            if let last, entry.offset <= last.offset || entry.position <= last.position {
                return .failure(
                    "offset \(entry.offset) at byte \(entry.position) does not follow offset \(last.offset) at byte "
                        + "\(last.position)"
                )
            }
            return .success(entry)
        }
    }
}

extension InspectedIndex<TimeIndexEntry> {
    /// Reads a `.timeindex` file; nil if there is none.
    package static func read(_ path: String, base: Offset, _ fileSystem: any FileSystem) throws(LogError) -> Self? {
        guard let bytes = try SmallFile.read(path, limit: maximumIndexBytes, fileSystem) else { return nil }
        return InspectedIndex(bytes, entrySize: TimeIndexFormat.entrySize, keepsFirst: true) { bytes, last in
            guard let entry = TimeIndexFormat.decode(bytes, base: base) else {
                return .failure("an offset is negative")
            }
            if let last, entry.timestamp <= last.timestamp || entry.offset < last.offset {
                return .failure(
                    "timestamp \(entry.timestamp) of offset \(entry.offset) does not follow \(last.timestamp) of "
                        + "\(last.offset)"
                )
            }
            return .success(entry)
        }
    }
}

private enum Decoded<Entry> {
    case success(Entry)
    case failure(String)
}

extension InspectedIndex {
    /// `keepsFirst`: an only entry may consist of zeros, as one of the timestamp 0 does.
    private init(
        _ bytes: [UInt8],
        entrySize: Int,
        keepsFirst: Bool,
        _ decode: (UnsafeRawBufferPointer, Entry?) -> Decoded<Entry>
    ) {
        var entries: [Entry] = []
        var problems: [Problem] = []
        let whole = bytes.count / entrySize
        let lastUsed = bytes.prefix(whole * entrySize).lastIndex { $0 != 0 }.map { $0 / entrySize + 1 } ?? 0
        let used = keepsFirst && whole == 1 ? 1 : lastUsed
        bytes.withBytes { all in
            for number in 0..<used {
                let start = number * entrySize
                switch decode(UnsafeRawBufferPointer(rebasing: all[start..<start + entrySize]), entries.last) {
                case .success(let entry): entries.append(entry)
                case .failure(let reason): problems.append(Problem(position: FilePosition(start), reason: reason))
                }
            }
        }
        let rest = bytes.count - whole * entrySize
        if rest > 0 {
            let reason = "\(rest) bytes are left, an entry has \(entrySize)"
            problems.append(Problem(position: FilePosition(whole * entrySize), reason: reason))
        }
        self.entries = entries
        self.problems = problems
        unusedBytes = (whole - used) * entrySize
    }
}
