import MartletClient
import NIOCore

/// One offset of a file of offsets. A value.
struct OffsetEntry: Equatable {
    /// nil where the file does not name groups.
    var group: String?
    var partition: Partition
    var committed: CommittedOffset
}

/// Files of committed offsets, as `group export` writes them and Kafka's tools read and write them. Stateless.
///
///     topic,partition,offset             as `kafka-consumer-groups --export` writes one group
///     "group",topic,partition,offset     as it writes several
///     [{"group": …, "offsets": [{"topic": …, "partition": …, "offset": …, "leader_epoch": …, "metadata": …}, …]}, …]
///
/// CSV has no metadata and no leader epochs.
enum OffsetFile {
    /// The largest file that is read, in bytes: about two million offsets.
    private static let maximumBytes = 128 << 20

    /// Reads a file, or standard input for `-`.
    static func read(_ path: String) async throws -> [OffsetEntry] {
        let source = try InputSource(path: path)
        var bytes: [UInt8] = []
        while let chunk = try await source.next() {
            bytes.append(contentsOf: chunk.readableBytesView)
            guard bytes.count <= maximumBytes else {
                throw InputError(description: "\(source.name) is larger than the \(maximumBytes) bytes that are read")
            }
        }
        return try parse(bytes, name: source.name)
    }

    static func parse(_ bytes: [UInt8], name: String) throws(InputError) -> [OffsetEntry] {
        let first = bytes.first { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }
        let isJSON = first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
        let entries = isJSON ? try parseJSON(bytes, name) : try parseCSV(bytes, name)
        if entries.isEmpty { throw InputError(description: "\(name) contains no offsets") }
        var seen: Set<[String]> = []
        for entry in entries where !seen.insert([entry.group ?? "", entry.partition.description]).inserted {
            throw InputError(description: "\(name) has two offsets for \(entry.partition)")
        }
        return entries
    }

    // MARK: CSV

    private static func parseCSV(_ bytes: [UInt8], _ name: String) throws(InputError) -> [OffsetEntry] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InputError(description: "\(name) is neither JSON nor text")
        }
        var entries: [OffsetEntry] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            if line.allSatisfy(\.isWhitespace) { continue }
            let place = "\(name), line \(index + 1)"
            guard let fields = fields(line) else { throw InputError(description: "\(place): a quote is not closed") }
            let names = fields.count == 4 ? 1 : 0
            guard fields.count == 3 + names else {
                throw InputError(
                    description: "\(place): \(fields.count) fields, but it should read topic,partition,offset"
                        + " or group,topic,partition,offset"
                )
            }
            entries.append(
                try entry(
                    group: names == 1 ? fields[0] : nil,
                    topic: fields[names],
                    partition: Int64(fields[names + 1]),
                    offset: Int64(fields[names + 2]),
                    place
                )
            )
        }
        return entries
    }

    /// The fields of a line (RFC 4180); nil if a quote is not closed.
    private static func fields(_ line: Substring) -> [String]? {
        var fields = [""]
        var isQuoted = false
        var rest = line
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted && rest.first == "\"": fields[fields.count - 1].append(rest.removeFirst())
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: fields.append("")
            case " " where !isQuoted: continue
            default: fields[fields.count - 1].append(character)
            }
        }
        return isQuoted ? nil : fields
    }

    static func csv(_ entries: [OffsetEntry], withGroups: Bool) -> [String] {
        entries.map { entry in
            let group = withGroups ? quoted(entry.group ?? "") + "," : ""
            return group + "\(entry.partition.topic),\(entry.partition.index),\(entry.committed.offset)"
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    // MARK: JSON

    private static func parseJSON(_ bytes: [UInt8], _ name: String) throws(InputError) -> [OffsetEntry] {
        let document: JSON
        do throws(JSON.Problem) { document = try JSON(parsing: bytes) } catch {
            throw InputError(description: "\(name), \(error.description)")
        }
        let groups: [JSON] = if case .array(let values) = document { values } else { [document] }
        var entries: [OffsetEntry] = []
        for group in groups {
            guard case .string(let id) = group["group"], case .array(let offsets) = group["offsets"] else {
                throw InputError(description: "\(name): each group needs the members \"group\" and \"offsets\"")
            }
            for (index, offset) in offsets.enumerated() {
                let place = "\(name), group '\(id)', offset \(index + 1)"
                guard case .string(let topic) = offset["topic"] else {
                    throw InputError(description: "\(place): the member \"topic\" is missing, or no text")
                }
                var item = try entry(
                    group: id,
                    topic: topic,
                    partition: number(offset["partition"]),
                    offset: number(offset["offset"]),
                    place
                )
                item.committed.leaderEpoch = number(offset["leader_epoch"]).flatMap { Int32(exactly: $0) }
                if case .string(let metadata) = offset["metadata"] { item.committed.metadata = metadata }
                entries.append(item)
            }
        }
        return entries
    }

    private static func number(_ value: JSON?) -> Int64? { if case .int(let number) = value { number } else { nil } }

    static func json(_ entries: [OffsetEntry]) -> JSON {
        let groups = Dictionary(grouping: entries) { $0.group ?? "" }.sorted { $0.key < $1.key }
        return .array(
            groups.map { group, entries in
                .object([
                    "group": .string(group),
                    "offsets": .array(
                        entries.map { entry in
                            .object([
                                "topic": .string(entry.partition.topic),
                                "partition": .int(entry.partition.index),
                                "offset": .int(entry.committed.offset),
                                "leader_epoch": .optional(entry.committed.leaderEpoch) { .int($0) },
                                "metadata": .string(entry.committed.metadata),
                            ])
                        }
                    ),
                ])
            }
        )
    }

    private static func entry(
        group: String?,
        topic: String,
        partition: Int64?,
        offset: Int64?,
        _ place: String
    ) throws(InputError) -> OffsetEntry {
        guard !topic.isEmpty else { throw InputError(description: "\(place): the topic is empty") }
        guard let partition = partition.flatMap({ Int32(exactly: $0) }), partition >= 0 else {
            throw InputError(description: "\(place): the partition is not a number from 0 to \(Int32.max)")
        }
        guard let offset, offset >= 0 else {
            throw InputError(description: "\(place): the offset is not a number from 0 to \(Int64.max)")
        }
        return OffsetEntry(
            group: group,
            partition: Partition(topic: topic, index: partition),
            committed: CommittedOffset(offset: offset)
        )
    }
}
