import ArgumentParser
import MartletClient
import Model

/// `martlet topic backup`. A value.
struct TopicBackup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write a topic with its records and configuration to a directory or a tar archive.",
        discussion: """
            The archive holds what there is at the start: for each partition files of record batches in Kafka's own \
            format, with their offsets, which 'martlet log dump' reads, and manifest.json, which says what is in them, \
            with a CRC-32C of each file. It is written last: a backup that is cut off is told apart by that. With \
            --groups it also holds what consumer groups have committed for the topic. Nothing that exists is written over.

            A path that ends with .tar, or - for standard output, makes an archive, any other a directory.

            Examples:
              martlet topic backup orders orders-2026-01-31.tar
              martlet topic backup orders - --groups | ssh host 'cat > orders.tar'
              martlet topic backup orders backups/orders -z none
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic.", completion: .topics)
    var topic: String

    @Argument(help: "The directory or archive to write.", completion: .file())
    var path: String

    @Flag(help: "Keep also what consumer groups have committed for the topic.")
    var groups = false

    @Option(
        name: [.customShort("z"), .customLong("compression")],
        help: ArgumentHelp("How to compress.", valueName: "none|gzip|snappy|lz4|zstd")
    )
    var compression = ProduceOptions.Codec.zstd

    func validate() throws {
        if format.json, path == BackupWriter.standardOutput {
            throw ValidationError("--json and the archive cannot both go to standard output")
        }
    }

    func run() async throws {
        let isPiped = path == BackupWriter.standardOutput
        try await Topic.withAdmin(connection) { admin, output in
            var manifest = try await describe(admin)
            let ends = manifest.partitions.reduce(0) { $0 + Int($1.endOffset - $1.startOffset) }
            let writer = try BackupWriter(path: path, created: manifest.created)
            var progress = TransferProgress(total: ends)
            for index in manifest.partitions.indices {
                try await write(&manifest.partitions[index], writer, &progress)
            }
            try writer.finish(manifest)
            progress.clear()
            let summary =
                "backed up \(progress.summary) of \(topic) (\(manifest.partitions.count) partitions): "
                + "\(manifest.files) files, \(Quantity.bytes(manifest.bytes))"
            if isPiped {
                StandardError.line(summary)
            } else if format.json {
                try output.line(manifest.json)
            } else {
                try output.line(summary)
            }
        }
    }

    private func describe(_ admin: Admin) async throws -> BackupManifest {
        let bounds = try await admin.bounds(of: topic)
        return BackupManifest(
            topic: topic,
            created: SystemTime().now.milliseconds,
            configs: try await admin.ownConfigs(of: topic),
            partitions: bounds.sorted { $0.key < $1.key }.map { index, range in
                BackupManifest.Partition(index: index, startOffset: range.lowerBound, endOffset: range.upperBound)
            },
            groups: groups ? try await committed(admin) : []
        )
    }

    private func committed(_ admin: Admin) async throws -> [BackupManifest.Group] {
        var found: [BackupManifest.Group] = []
        for group in try await admin.listGroups().map(\.id).sorted() {
            let offsets = try await admin.groupOffsets(of: group).filter { $0.key.topic == topic }
            guard !offsets.isEmpty else { continue }
            let byIndex = Dictionary(uniqueKeysWithValues: offsets.map { ($0.key.index, $0.value) })
            found.append(BackupManifest.Group(id: group, offsets: byIndex))
        }
        return found
    }

    /// Reads one partition to the end that was found at the start, and writes its files.
    private func write(
        _ partition: inout BackupManifest.Partition,
        _ writer: BackupWriter,
        _ progress: inout TransferProgress
    ) async throws {
        guard partition.endOffset > partition.startOffset else { return }
        var configuration = ConsumerConfiguration(
            client: try connection.configuration(),
            assignments: [
                Assignment(
                    topic: topic,
                    partitions: [partition.index],
                    start: .offset(partition.startOffset),
                    end: partition.endOffset
                )
            ]
        )
        configuration.isolation = .readCommitted
        configuration.stopsAtEnd = true
        // Retention may have passed meanwhile.
        configuration.outOfRange = .beginning
        let consumer = Consumer(configuration)
        var files = PartitionBackup(partition: partition.index, compression: compression.stored)
        var parts: [BackupManifest.File] = []
        func keep(_ part: PartitionBackup.Part?) throws {
            guard let part else { return }
            try writer.write(part.file.name, part.bytes)
            parts.append(part.file)
        }
        do {
            var batches = consumer.makeAsyncIterator()
            while let batch = try await batches.nextBatch() {
                for record in batch { try keep(try files.add(record)) }
                progress.add(batch.count)
            }
            try keep(try files.finish())
        } catch {
            progress.clear()
            await consumer.close()
            throw error
        }
        await consumer.close()
        partition.files = parts
    }
}

extension ProduceOptions.Codec {
    /// As batches name it.
    var stored: Compression {
        switch self {
        case .none: .none
        case .gzip: .gzip
        case .snappy: .snappy
        case .lz4: .lz4
        case .zstd: .zstd
        }
    }
}
