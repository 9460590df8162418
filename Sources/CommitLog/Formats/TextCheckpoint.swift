/// Kafka's text checkpoints: a version line, the number of entries, then one entry per line, its fields apart by a space.
///
///     0
///     2
///     0 0
///     3 1204
///
/// Source: Kafka's `CheckpointFile`. Ours have a checksum at the end, see ``TextSeal``. Parsing never traps.
struct TextCheckpoint: Equatable {
    static let version = 0
    /// The largest checkpoint that is read: one of 100,000 partitions with the longest names fits.
    static let maximumBytes = 32 << 20

    var entries: [[String]]

    var text: String {
        var lines = [String(Self.version), String(entries.count)]
        lines.append(contentsOf: entries.map { $0.joined(separator: " ") })
        return lines.joined(separator: "\n") + "\n"
    }

    /// What is written: the text with its checksum. Without any entry there is no place for one, nor a need.
    var sealed: String { entries.isEmpty ? text : TextSeal.seal(text) }

    init(entries: [[String]]) { self.entries = entries }

    /// Reads what ``text`` writes. `path` is for the error only.
    init(_ text: String, path: String) throws(LogError) {
        if text.isEmpty { throw .corrupt(path: path, "it is empty") }
        let text = try TextSeal.open(text, path: path)
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last == "" { lines.removeLast() }
        guard let version = lines.first else { throw .corrupt(path: path, "it is empty") }
        // One without entries has no checksum, and says nothing: a flipped bit may have made it another version's.
        if Int(version) == nil || lines.dropFirst() == ["0"], version != String(Self.version) {
            throw .corrupt(path: path, "its first line is '\(version.prefix(20))' and not \(Self.version)")
        }
        guard version == String(Self.version) else {
            throw .unsupportedFormat(path: path, "its version is '\(version.prefix(20))', known is \(Self.version)")
        }
        guard lines.count >= 2, let count = Int(lines[1]), count >= 0 else {
            throw .corrupt(path: path, "its second line is not the number of entries")
        }
        guard lines.count - 2 == count else {
            throw .corrupt(path: path, "it announces \(count) entries and has \(lines.count - 2)")
        }
        entries = lines.dropFirst(2).map { $0.split(separator: " ").map(String.init) }
    }
}
