import Glibc
import Model

/// Notes in a log directory which partitions are being opened, so that a partition whose opening kills the process does so
/// a few times and not for ever. Thread-safe.
///
///     .opening           a line per thread: the partition that it is opening, or blanks
///     opening-failures   `topic partition starts`: how many starts in a row died while they were opening it
///
/// The first is written to the page cache only, which outlives the process. Neither is needed for anything else: where
/// they cannot be written, opening goes on without.
final class OpeningJournal: Sendable {
    static let notesName = ".opening"
    static let failuresName = "opening-failures"
    /// After so many starts that died of a partition it is left alone.
    static let maximumDeaths = 3
    /// Topics have at most 249 letters.
    private static let lineLength = 300
    private static let maximumBytes = 1 << 20

    private let directory: String
    private let fileSystem: any FileSystem
    private let state: Locked<State>

    private struct State {
        var deaths: [TopicPartition: Int]
        var file: (any File)?
    }

    /// Looks at what the last start has left, and counts.
    init(directory: String, fileSystem: any FileSystem) {
        self.directory = directory
        self.fileSystem = fileSystem
        let notes = "\(directory)/\(Self.notesName)"
        var deaths: [TopicPartition: Int] = [:]
        do throws(LogError) {
            let path = "\(directory)/\(Self.failuresName)"
            if let text = try SmallFile.readFinishedText(path, limit: TextCheckpoint.maximumBytes, fileSystem) {
                let known = try OffsetCheckpoint(TextCheckpoint(text, path: path), path: path)
                deaths = known.offsets.mapValues { Int(clamping: $0.rawValue) }
            }
        } catch {
            // Nothing is known then.
        }
        state = Locked(State(deaths: deaths))
        let suspects = Self.suspects(notes, fileSystem)
        if !suspects.isEmpty {
            for suspect in suspects { deaths[suspect, default: 0] += 1 }
            state.withLock { $0.deaths = deaths }
            save(deaths)
        }
        do throws(FileError) { try fileSystem.remove(notes) } catch { skip(error) }
    }

    private static func suspects(_ notes: String, _ fileSystem: any FileSystem) -> Set<TopicPartition> {
        do throws(LogError) {
            let bytes = try SmallFile.read(notes, limit: maximumBytes, fileSystem) ?? []
            let names = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            return Set(names.compactMap { LogFileNames.topicPartition(ofDirectory: String($0)) })
        } catch {
            return []
        }
    }

    /// How many starts in a row died while they were opening the partition.
    func deaths(of partition: TopicPartition) -> Int { state.withLock { $0.deaths[partition] ?? 0 } }

    /// The thread of that number begins to open the partition.
    func begin(_ partition: TopicPartition, thread: Int) { note(partition.description, thread) }

    /// The thread has done so, or found out why it cannot be done. Not `isTried`: it has only put it off.
    func end(_ partition: TopicPartition, thread: Int, isTried: Bool) {
        note("", thread)
        if isTried { forget(partition) }
    }

    /// The partition is no longer under suspicion.
    func forget(_ partition: TopicPartition) {
        let deaths = state.withLock { state in
            state.deaths.removeValue(forKey: partition) == nil ? nil : state.deaths
        }
        if let deaths { save(deaths) }
    }

    /// All partitions have been opened.
    func close() {
        let hadFile = state.withLock { state in
            defer { state.file = nil }
            return state.file != nil
        }
        guard hadFile else { return }
        do throws(FileError) { try fileSystem.remove("\(directory)/\(Self.notesName)") } catch { skip(error) }
    }

    private func note(_ text: String, _ thread: Int) {
        var line = [UInt8](repeating: UInt8(ascii: " "), count: Self.lineLength)
        line.replaceSubrange(0..<min(text.utf8.count, Self.lineLength - 1), with: text.utf8.prefix(Self.lineLength - 1))
        line[Self.lineLength - 1] = UInt8(ascii: "\n")
        do throws(FileError) {
            let file = try state.withLock { state throws(FileError) in
                if let file = state.file { return file }
                let file = try fileSystem.open("\(directory)/\(Self.notesName)", .createIfMissing)
                state.file = file
                return file
            }
            try line.withBytes { bytes throws(FileError) in
                try file.write(
                    bytes,
                    UnsafeRawBufferPointer(start: nil, count: 0),
                    at: FilePosition(thread * Self.lineLength)
                )
            }
        } catch { skip(error) }
    }

    private func save(_ deaths: [TopicPartition: Int]) {
        do throws(FileError) {
            if deaths.isEmpty { return try fileSystem.remove("\(directory)/\(Self.failuresName)") }
            let counts = OffsetCheckpoint(deaths.mapValues { Offset(Int64($0)) })
            // Of one generation only: what was removed, by an operator too, must not come back from the one before.
            try SmallFile.replace(
                Self.failuresName,
                in: directory,
                with: Array(counts.checkpoint.sealed.utf8),
                fileSystem
            )
        } catch { skip(error) }
    }

    /// Without notes a partition that kills the process does so once more than it had to.
    private func skip(_ error: FileError) {}
}
