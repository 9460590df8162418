import ArgumentParser
import MartletClient
import Model
import NIOCore
import Records

/// `martlet topic restore`. A value.
struct TopicRestore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a topic of what 'martlet topic backup' wrote.",
        discussion: """
            Everything is read and checked before anything is written: a backup that is cut off or damaged is refused. \
            The topic must not exist; it gets the partitions and the configuration of the old one, and its records with \
            keys, values, headers and times. Its retention counts when all records are there.

            Brokers number records themselves, without gaps and from 0. Offsets are what they were where the old ones \
            were so; what has changed is told for each partition. With --groups, what groups had committed is \
            translated and committed for groups that have no members.

            Examples:
              martlet topic restore orders.tar --check
              martlet topic restore orders.tar
              martlet topic restore backups/orders orders-old --groups --config retention.ms=-1
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The directory or archive.", completion: .file())
    var path: String

    @Argument(help: "The topic to make (default: of the name it had).")
    var topic: String?

    @Flag(help: "Only check the backup, and say what is in it. Needs no broker.")
    var check = false

    @Flag(help: "Commit also what groups had committed.")
    var groups = false

    @Option(help: ArgumentHelp("A configuration instead of the old topic's; may be repeated.", valueName: "key=value"))
    var config: [KeyValue] = []

    @Option(
        name: [.customShort("z"), .customLong("compression")],
        help: ArgumentHelp("How to compress.", valueName: "none|gzip|snappy|lz4|zstd")
    )
    var compression = ProduceOptions.Codec.none

    func run() async throws {
        try await Outcome.report {
            let reader = try verified()
            let output = StandardOutput()
            let manifest = reader.manifest
            if check {
                if format.json {
                    try output.line(manifest.json)
                } else {
                    try output.line(
                        "\(path) is whole: topic \(manifest.topic) of \(Moment.text(manifest.created)), "
                            + "\(manifest.partitions.count) partitions, \(Quantity.count(manifest.records)) records, "
                            + "\(Quantity.bytes(manifest.bytes)), offsets of \(manifest.groups.count) groups"
                    )
                }
                return try output.flush()
            }
            let run = TopicRestoreRun(command: self, reader: reader, client: try connection.configuration())
            let result = try await run.run()
            if format.json {
                try output.line(result.json)
            } else {
                for line in result.lines { try output.line(line) }
            }
            try output.flush()
        }
    }

    /// Opens the backup and reads all of it.
    private func verified() throws -> BackupReader {
        do throws(BackupError) {
            let reader = try BackupReader(path: path)
            try BackupRecords.verify(reader)
            return reader
        } catch {
            throw InputError(description: "\(error.description)\nnothing was written", status: .badInput)
        }
    }
}

/// One restoring of a topic. Owned by the command's task.
struct TopicRestoreRun {
    let command: TopicRestore
    let reader: BackupReader
    let client: ClientConfiguration

    /// What was done. Immutable.
    struct Result {
        let topic: String
        let summary: String
        let records: Int
        let partitions: [(index: Int32, translation: OffsetTranslation)]
        let groups: [String]

        var lines: [String] {
            var lines = ["restored \(summary) to \(topic)"]
            lines += partitions.map { "  partition \($0.index): \($0.translation.text)" }
            if !groups.isEmpty { lines.append("committed for \(groups.joined(separator: ", "))") }
            return lines
        }

        var json: JSON {
            .object([
                "topic": .string(topic),
                "records": .int(records),
                "partitions": .array(
                    partitions.map { index, translation in
                        .object([
                            "partition": .int(index),
                            "records": .int(translation.records),
                            "offsets_kept": .bool(translation.isIdentity),
                        ])
                    }
                ),
                "groups": .array(groups.map { .string($0) }),
            ])
        }
    }

    func run() async throws -> Result {
        let admin = Admin(client)
        do {
            let result = try await restore(admin)
            await admin.close()
            return result
        } catch {
            await admin.close()
            throw error
        }
    }

    private func restore(_ admin: Admin) async throws -> Result {
        let manifest = reader.manifest
        let name = command.topic ?? manifest.topic
        guard try await admin.existingTopic(name) == nil else {
            throw InputError(
                description: "topic '\(name)' exists already: delete it first, or restore under another name "
                    + "(martlet topic restore \(command.path) NAME)"
            )
        }
        let configs = manifest.configs.merging(command.config.map { ($0.key, $0.value) }) { $1 }
        let (first, last) = TransferredConfigs.split(configs)
        let count = Int32(clamping: manifest.partitions.count)
        _ = try await admin.createTopic(NewTopic(name: name, partitions: count, configs: first))
        let writer = try TransferWriter(
            client,
            compression: command.compression.value,
            maximumBatchBytes: try await admin.maximumBatchBytes(of: name)
        )
        var progress = TransferProgress(total: manifest.records)
        var partitions: [(index: Int32, translation: OffsetTranslation)] = []
        do {
            for partition in manifest.partitions {
                partitions.append((partition.index, try await write(partition, to: name, writer, &progress)))
            }
            try await writer.close()
        } catch {
            progress.clear()
            await writer.abort()
            throw error
        }
        progress.clear()
        try await admin.alterConfigs(.topic(name), TransferredConfigs.changes(last))
        let groups = command.groups ? try await commit(partitions.map(\.translation), name, admin) : []
        return Result(
            topic: name,
            summary: progress.summary,
            records: progress.records,
            partitions: partitions,
            groups: groups
        )
    }

    private func write(
        _ partition: BackupManifest.Partition,
        to topic: String,
        _ writer: TransferWriter,
        _ progress: inout TransferProgress
    ) async throws -> OffsetTranslation {
        var translation = OffsetTranslation(
            wanted: reader.manifest.groups.compactMap { $0.offsets[partition.index]?.offset }
        )
        var records = BackupRecords(reader, partition)
        for file in partition.files {
            let read: [Record]
            do throws(BackupError) { read = try records.read(file) } catch { throw error.inputError }
            for record in read {
                let timestamp = record.timestamp.milliseconds
                try await writer.send(
                    ProducerRecord(
                        topic: topic,
                        partition: partition.index,
                        key: record.key,
                        value: record.value,
                        headers: record.headers.map { RecordHeader(name: $0.name, value: $0.value) },
                        timestamp: timestamp < 0 ? nil : timestamp
                    )
                )
                translation.add(record.offset.rawValue)
            }
            progress.add(read.count)
        }
        // The records went in order, so the place of the last one tells those of all.
        if let last = try await writer.flush()?.offset, last != translation.records - 1 {
            throw InputError(
                description:
                    "the last of \(translation.records) records of partition \(partition.index) got offset \(last): "
                    + "someone else writes to the topic"
            )
        }
        return translation
    }

    private func commit(_ partitions: [OffsetTranslation], _ topic: String, _ admin: Admin) async throws -> [String] {
        var done: [String] = []
        for group in reader.manifest.groups {
            var offsets: [Partition: CommittedOffset] = [:]
            for (index, committed) in group.offsets {
                let new = partitions[Int(index)].new(for: committed.offset)
                offsets[Partition(topic: topic, index: index)] = CommittedOffset(
                    offset: new,
                    metadata: committed.metadata
                )
            }
            let refused = try await admin.alterGroupOffsets(of: group.id, offsets)
            if let error = refused.min(by: { $0.key < $1.key })?.value {
                throw error.adding(context: "the records are restored, but not the offsets of group '\(group.id)'")
            }
            done.append(group.id)
        }
        return done
    }
}
