import MartletClient

/// What a backup says about itself. A value.
struct BackupManifest: Equatable {
    struct File: Equatable {
        let name: String
        let bytes: Int
        let checksum: UInt32
        let records: Int
    }

    struct Partition: Equatable {
        let index: Int32
        /// Where the partition began and ended when the backup was begun.
        let startOffset: Int64
        let endOffset: Int64
        var files: [File] = []

        var records: Int { files.reduce(0) { $0 + $1.records } }
    }

    /// What a group has committed for the topic.
    struct Group: Equatable {
        let id: String
        let offsets: [Int32: CommittedOffset]
    }

    let topic: String
    /// When the backup was begun, in milliseconds since 1970-01-01T00:00Z.
    let created: Int64
    /// What the topic does not share with the broker's defaults, by Kafka's names.
    let configs: [String: String]
    var partitions: [Partition]
    var groups: [Group]

    var records: Int { partitions.reduce(0) { $0 + $1.records } }
    var bytes: Int { partitions.flatMap(\.files).reduce(0) { $0 + $1.bytes } }
    var files: Int { partitions.reduce(0) { $0 + $1.files.count } }
}

// MARK: JSON

extension BackupManifest {
    var json: JSON {
        .object([
            "format": .string(BackupFormat.name),
            "version": .int(BackupFormat.version),
            "topic": .string(topic),
            "created": .int(created),
            "configs": .object(configs.sorted { $0.key < $1.key }.map { JSON.Field($0.key, .string($0.value)) }),
            "partitions": .array(partitions.map(Self.json)),
            "groups": .array(groups.map(Self.json)),
        ])
    }

    private static func json(_ partition: Partition) -> JSON {
        .object([
            "partition": .int(partition.index),
            "start_offset": .int(partition.startOffset),
            "end_offset": .int(partition.endOffset),
            "files": .array(
                partition.files.map { file in
                    .object([
                        "name": .string(file.name),
                        "bytes": .int(file.bytes),
                        "crc32c": .string(BackupFormat.hexadecimal(file.checksum)),
                        "records": .int(file.records),
                    ])
                }
            ),
        ])
    }

    private static func json(_ group: Group) -> JSON {
        .object([
            "group": .string(group.id),
            "offsets": .array(
                group.offsets.sorted { $0.key < $1.key }.map { index, committed in
                    .object([
                        "partition": .int(index),
                        "offset": .int(committed.offset),
                        "metadata": .string(committed.metadata),
                    ])
                }
            ),
        ])
    }

    /// Reads a manifest and checks that it can be true.
    init(parsing bytes: [UInt8]) throws(BackupError) {
        let object: JSON
        do throws(JSON.Problem) { object = try JSON(parsing: bytes) } catch {
            throw BackupError("\(BackupFormat.manifest) is no JSON: \(error.description)")
        }
        let reader = ManifestReader(object: object, place: BackupFormat.manifest)
        let format = try reader.text("format")
        guard format == BackupFormat.name else { throw BackupError("'\(format)' is no backup of a topic") }
        let version = try reader.number("version", 0...(.max))
        guard version == BackupFormat.version else {
            throw BackupError("the backup is of version \(version), this program reads version \(BackupFormat.version)")
        }
        topic = try reader.text("topic")
        created = try reader.number("created", .min ... .max)
        configs = try reader.texts("configs")
        partitions = try reader.elements("partitions").map { item throws(BackupError) in try Partition(item) }
        groups = try reader.elements("groups").map { item throws(BackupError) in try Group(item) }
        guard !partitions.isEmpty, partitions.enumerated().allSatisfy({ $0.offset == Int($0.element.index) }) else {
            throw BackupError("\(BackupFormat.manifest): the partitions are not numbered from 0")
        }
        guard groups.allSatisfy({ $0.offsets.keys.allSatisfy { Int($0) < partitions.count } }) else {
            throw BackupError("\(BackupFormat.manifest): a group has committed for a partition that is not there")
        }
    }
}

extension BackupManifest.Partition {
    fileprivate init(_ reader: ManifestReader) throws(BackupError) {
        index = Int32(try reader.number("partition", 0...Int64(Int32.max)))
        startOffset = try reader.number("start_offset", 0...(.max))
        endOffset = try reader.number("end_offset", startOffset...(.max))
        files = try reader.elements("files").map { item throws(BackupError) in try BackupManifest.File(item) }
    }
}

extension BackupManifest.File {
    fileprivate init(_ reader: ManifestReader) throws(BackupError) {
        name = try reader.text("name")
        bytes = Int(try reader.number("bytes", 1...Int64(BackupFormat.maximumFileBytes)))
        records = Int(try reader.number("records", 1...Int64(Int32.max)))
        let digits = try reader.text("crc32c")
        guard digits.utf8.count == 8, let checksum = UInt32(digits, radix: 16) else {
            throw BackupError("\(reader.place): '\(digits)' is no CRC-32C")
        }
        self.checksum = checksum
    }
}

extension BackupManifest.Group {
    fileprivate init(_ reader: ManifestReader) throws(BackupError) {
        id = try reader.text("group")
        var offsets: [Int32: CommittedOffset] = [:]
        for item in try reader.elements("offsets") {
            let index = Int32(try item.number("partition", 0...Int64(Int32.max)))
            let offset = try item.number("offset", 0...(.max))
            offsets[index] = CommittedOffset(offset: offset, metadata: try item.text("metadata"))
        }
        self.offsets = offsets
    }
}

/// Takes members out of a manifest's objects, and says which is missing. Immutable.
private struct ManifestReader {
    let object: JSON
    let place: String

    func text(_ name: String) throws(BackupError) -> String {
        guard case .string(let text) = object[name] else { throw problem(name, "no text") }
        return text
    }

    func number(_ name: String, _ range: ClosedRange<Int64>) throws(BackupError) -> Int64 {
        guard case .int(let number) = object[name] else { throw problem(name, "no whole number") }
        guard range.contains(number) else {
            throw problem(name, "\(number), but must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func texts(_ name: String) throws(BackupError) -> [String: String] {
        guard case .object(let fields) = object[name] else { throw problem(name, "no object") }
        var texts: [String: String] = [:]
        for field in fields {
            guard case .string(let text) = field.value else { throw problem("\(name).\(field.name)", "no text") }
            texts[field.name] = text
        }
        return texts
    }

    func elements(_ name: String) throws(BackupError) -> [ManifestReader] {
        guard case .array(let values) = object[name] else { throw problem(name, "no array") }
        return values.enumerated().map { ManifestReader(object: $1, place: "\(place), \(name)[\($0)]") }
    }

    private func problem(_ name: String, _ what: String) -> BackupError {
        BackupError("\(place): the member \"\(name)\" is missing, or is \(what)")
    }
}
