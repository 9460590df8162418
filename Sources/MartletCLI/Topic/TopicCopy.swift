import ArgumentParser
import MartletClient
import Model

/// `martlet topic copy`. A value.
struct TopicCopy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy a topic's records into another topic, with other partitions if need be.",
        discussion: """
            Keys, values, headers and times are kept. The new topic is made with the configuration of the old one, and \
            with as many partitions, or with --partitions; then each key goes to the partition that it belongs to among \
            so many, so that a topic can get more or fewer partitions and its keys stay in order. With as many \
            partitions as before, records stay in the partition they are in, unless --by-key is given.

            Copies what there is at the start; --follow goes on with what comes, until it is interrupted. Records of \
            aborted transactions are left out. A topic that has records already is not written to unless --append says \
            so. The new topic's own retention counts when the copy is complete.

            Examples:
              martlet topic copy orders orders-wide --partitions 24
              martlet topic copy orders orders-test --target-bootstrap test:9092
              martlet topic copy orders orders-live --follow -z zstd
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic to read.", completion: .topics)
    var source: String

    @Argument(help: "The topic to write.", completion: .topics)
    var target: String

    @Option(help: "How many partitions the new topic gets (default: as many as the old one has).")
    var partitions: Int32?

    @Option(help: ArgumentHelp("Brokers to write to (default: those that are read from).", valueName: "host:port,…"))
    var targetBootstrap: String?

    @Flag(help: "Choose partitions by key also where the number of partitions stays the same.")
    var byKey = false

    @Flag(help: "Write to a topic that has records already.")
    var append = false

    @Flag(name: [.customShort("F"), .long], help: "Go on with new records, until interrupted.")
    var follow = false

    @Option(
        name: [.customShort("z"), .customLong("compression")],
        help: ArgumentHelp("How to compress.", valueName: "none|gzip|snappy|lz4|zstd")
    )
    var compression = ProduceOptions.Codec.none

    func validate() throws {
        if let partitions, partitions < 1 {
            throw ValidationError("--partitions is \(partitions), but a topic has at least 1")
        }
        if source == target, targetBootstrap == nil { throw ValidationError("a topic cannot be copied into itself") }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let client = try connection.configuration()
            var targetClient = client
            if let targetBootstrap { targetClient.bootstrap = try BrokerAddress.list(parsing: targetBootstrap) }
            let copy = TopicCopyRun(command: self, source: admin, client: client, targetClient: targetClient)
            let result = try await copy.run()
            if format.json {
                try output.line(result.json)
            } else {
                try output.line(
                    "copied \(result.summary) from \(source) (\(result.sourcePartitions) partitions) to \(target) "
                        + "(\(result.targetPartitions) partitions\(result.isByKey ? ", by key" : ""))"
                )
            }
            if result.wasInterrupted, !follow { throw ExitCode.failure }
        }
    }
}

/// One copy of a topic. Owned by the command's task.
struct TopicCopyRun {
    let command: TopicCopy
    let source: Admin
    let client: ClientConfiguration
    let targetClient: ClientConfiguration

    /// What was done. Immutable.
    struct Result {
        let source: String
        let target: String
        let sourcePartitions: Int
        let targetPartitions: Int
        let isByKey: Bool
        let records: Int
        let wasInterrupted: Bool
        let summary: String

        var json: JSON {
            .object([
                "source": .string(source),
                "target": .string(target),
                "source_partitions": .int(sourcePartitions),
                "target_partitions": .int(targetPartitions),
                "by_key": .bool(isByKey),
                "records": .int(records),
                "interrupted": .bool(wasInterrupted),
            ])
        }
    }

    func run() async throws -> Result {
        let bounds = try await source.bounds(of: command.source)
        let configs = try await source.ownConfigs(of: command.source)
        let admin = Admin(targetClient)
        do {
            let last = try await prepare(admin, sourcePartitions: bounds.count, configs: configs)
            let partitions = try await admin.describeTopic(command.target).partitions.count
            let isByKey = command.byKey || partitions != bounds.count
            let limit = try await admin.maximumBatchBytes(of: command.target)
            let (progress, wasInterrupted) = try await transfer(bounds, isByKey: isByKey, maximumBatchBytes: limit)
            if let last { try await admin.alterConfigs(.topic(command.target), TransferredConfigs.changes(last)) }
            await admin.close()
            return Result(
                source: command.source,
                target: command.target,
                sourcePartitions: bounds.count,
                targetPartitions: partitions,
                isByKey: isByKey,
                records: progress.records,
                wasInterrupted: wasInterrupted,
                summary: progress.summary
            )
        } catch {
            await admin.close()
            throw error
        }
    }

    /// Makes the topic, or sees to it that one that is there fits.
    ///
    /// - Returns: The configuration to be set when the records are there; nil if the topic was there before.
    private func prepare(
        _ admin: Admin,
        sourcePartitions: Int,
        configs: [String: String]
    ) async throws -> [String: String]? {
        guard let existing = try await admin.existingTopic(command.target) else {
            let (first, last) = TransferredConfigs.split(configs)
            let count = command.partitions ?? Int32(clamping: sourcePartitions)
            _ = try await admin.createTopic(NewTopic(name: command.target, partitions: count, configs: first))
            return last
        }
        if let wanted = command.partitions, existing.partitions.count != Int(wanted) {
            throw InputError(
                description:
                    "topic '\(command.target)' exists with \(existing.partitions.count) partitions, not \(wanted): "
                    + "leave --partitions out, or choose another name"
            )
        }
        let records = try await admin.bounds(of: command.target).values.reduce(0) { $0 + $1.count }
        if records > 0, !command.append {
            throw InputError(
                description: "topic '\(command.target)' has \(records) records already: "
                    + "--append writes behind them, or choose another name"
            )
        }
        return nil
    }

    private func transfer(
        _ bounds: [Int32: Range<Int64>],
        isByKey: Bool,
        maximumBatchBytes: Int
    ) async throws -> (TransferProgress, Bool) {
        var configuration = ConsumerConfiguration(
            client: client,
            assignments: bounds.sorted { $0.key < $1.key }.map { index, range in
                Assignment(
                    topic: command.source,
                    partitions: [index],
                    start: .offset(range.lowerBound),
                    end: command.follow ? nil : range.upperBound
                )
            }
        )
        configuration.isolation = .readCommitted
        configuration.stopsAtEnd = !command.follow
        configuration.outOfRange = .beginning
        let consumer = Consumer(configuration)
        let wasInterrupted = Locked(false)
        Interrupts.watch {
            wasInterrupted.withLock { $0 = true }
            Task { await consumer.close() }
        }
        let writer = try TransferWriter(
            targetClient,
            compression: command.compression.value,
            maximumBatchBytes: maximumBatchBytes
        )
        var progress = TransferProgress(total: bounds.values.reduce(0) { $0 + $1.count })
        do {
            var batches = consumer.makeAsyncIterator()
            while let batch = try await batches.nextBatch() {
                for record in batch { try await writer.send(copy(of: record, isByKey: isByKey)) }
                progress.add(batch.count)
            }
            _ = try await writer.flush()
            try await writer.close()
        } catch {
            progress.clear()
            await writer.abort()
            await consumer.close()
            throw error
        }
        progress.clear()
        await consumer.close()
        return (progress, wasInterrupted.withLock { $0 })
    }

    private func copy(of record: ConsumedRecord, isByKey: Bool) -> ProducerRecord {
        ProducerRecord(
            topic: command.target,
            partition: isByKey ? nil : record.partition,
            key: record.key,
            value: record.value,
            headers: record.headers,
            timestamp: record.timestamp < 0 ? nil : record.timestamp
        )
    }
}
