import Model

/// A segment's sparse offset index. Thread-safe. Only a hint: see ``OffsetIndexEntry``.
struct OffsetIndex: Sendable {
    let base: Offset
    let file: IndexFile

    /// The last entry at or below `offset`.
    func entry(atOrBelow offset: Offset, in view: IndexView) throws(FileError) -> OffsetIndexEntry? {
        try entry(in: view) { $0.offset <= offset }
    }

    /// The last entry at or before `position`.
    func entry(atOrBefore position: FilePosition, in view: IndexView) throws(FileError) -> OffsetIndexEntry? {
        try entry(in: view) { $0.position <= position }
    }

    func lastEntry(in view: IndexView) throws(FileError) -> OffsetIndexEntry? {
        view.count == 0 ? nil : try decode(view.count - 1, in: view)
    }

    func firstEntry(in view: IndexView) throws(FileError) -> OffsetIndexEntry? {
        view.count == 0 ? nil : try decode(0, in: view)
    }

    /// Appends an entry; one that does not fit the format is left out, since an index may be sparse.
    func append(_ entry: OffsetIndexEntry) throws(FileError) {
        guard let bytes = OffsetIndexFormat.encode(entry, base: base) else { return }
        try file.append(bytes)
    }

    private func entry(
        in view: IndexView,
        where precedes: (OffsetIndexEntry) -> Bool
    ) throws(FileError) -> OffsetIndexEntry? {
        let found = try view.last { OffsetIndexFormat.decode($0, base: base).map(precedes) ?? false }
        guard let found else { return nil }
        return try decode(found, in: view)
    }

    private func decode(_ number: Int, in view: IndexView) throws(FileError) -> OffsetIndexEntry? {
        try view.withEntry(number) { OffsetIndexFormat.decode($0, base: base) }
    }
}

/// A segment's sparse time index. Thread-safe. Only a hint, as the offset index is.
struct TimeIndex: Sendable {
    let base: Offset
    let file: IndexFile

    /// The last entry whose timestamp is below `timestamp`: nothing up to its offset is as young as that.
    func entry(below timestamp: Timestamp, in view: IndexView) throws(FileError) -> TimeIndexEntry? {
        let found = try view.last { bytes in
            TimeIndexFormat.decode(bytes, base: base).map { $0.timestamp < timestamp } ?? false
        }
        guard let found else { return nil }
        return try decode(found, in: view)
    }

    func lastEntry(in view: IndexView) throws(FileError) -> TimeIndexEntry? {
        view.count == 0 ? nil : try decode(view.count - 1, in: view)
    }

    /// All entries that can be understood, up to the first one that cannot.
    func entries() throws(FileError) -> [TimeIndexEntry] {
        let bytes = try file.contents()
        var entries: [TimeIndexEntry] = []
        for start in stride(from: 0, to: bytes.count, by: TimeIndexFormat.entrySize) {
            let entry = bytes.withBytes { bytes in
                TimeIndexFormat.decode(UnsafeRawBufferPointer(rebasing: bytes[start...]), base: base)
            }
            guard let entry else { break }
            entries.append(entry)
        }
        return entries
    }

    /// Appends an entry; one that does not fit the format is left out, since an index may be sparse.
    func append(_ entry: TimeIndexEntry) throws(FileError) {
        guard let bytes = TimeIndexFormat.encode(entry, base: base) else { return }
        try file.append(bytes)
    }

    private func decode(_ number: Int, in view: IndexView) throws(FileError) -> TimeIndexEntry? {
        try view.withEntry(number) { TimeIndexFormat.decode($0, base: base) }
    }
}
