import ArgumentParser
import MartletClient
import Model

/// Where benchmarks write: a topic that is there, or one that is made and deleted again. A value.
struct BenchTopicOptions: ParsableArguments {
    @Argument(help: "The topic (default: one that is made for this and deleted afterwards).")
    var topic: String?

    @Option(help: "How many partitions a topic has that is made for this.")
    var partitions: Int32 = 1

    func validate() throws {
        if partitions < 1 { throw ValidationError("--partitions is \(partitions), but a topic has at least 1") }
    }

    /// Runs a benchmark with the topic's name, and deletes the topic if it was made for it.
    func with(_ client: ClientConfiguration, _ body: (String) async throws -> Void) async throws {
        let admin = Admin(client)
        let name = topic ?? "martlet-bench-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        do {
            if topic == nil {
                _ = try await admin.createTopic(NewTopic(name: name, partitions: partitions))
            } else {
                _ = try await admin.describeTopic(name)
            }
            do {
                try await body(name)
            } catch {
                if topic == nil { try await admin.deleteTopic(name) }
                throw error
            }
            if topic == nil { try await admin.deleteTopic(name) }
        } catch {
            await admin.close()
            throw error
        }
        await admin.close()
    }
}

/// How benchmarks send. A value.
struct BenchSendOptions: ParsableArguments {
    @Option(help: "Bytes of each value.")
    var size = 100

    @Option(help: "How many different keys to use; 0 for records without keys.")
    var keys = 0

    @Option(help: ArgumentHelp("Who must have a record before it counts as delivered.", valueName: "0|1|all"))
    var acks = ProduceOptions.Acks.all

    @Option(
        name: [.customShort("z"), .customLong("compression")],
        help: ArgumentHelp("How to compress.", valueName: "none|gzip|snappy|lz4|zstd")
    )
    var compression = ProduceOptions.Codec.none

    @Option(help: "Bytes of records that are collected into one batch.")
    var batchBytes = 128 << 10

    @Option(help: ArgumentHelp("How long a record waits for others.", valueName: "milliseconds"))
    var linger: Double?

    static let largestValue = 16 << 20
    static let mostKeys = 1_000_000

    func validate() throws {
        guard (BenchMark.length...Self.largestValue).contains(size) else {
            throw ValidationError("--size is \(size), but must be from \(BenchMark.length) to \(Self.largestValue)")
        }
        guard (0...Self.mostKeys).contains(keys) else {
            throw ValidationError("--keys is \(keys), but must be from 0 to \(Self.mostKeys)")
        }
        if let linger, !(0...60_000).contains(linger) {
            throw ValidationError("--linger is \(linger), but must be from 0 to 60000")
        }
    }

    func configuration(_ client: ClientConfiguration, linger standard: Duration? = nil) -> ProducerConfiguration {
        var configuration = ProducerConfiguration(client: client)
        configuration.acknowledgement = acks.value
        configuration.compression = compression.value
        configuration.batchBytes = batchBytes
        configuration.bufferBytes = ProduceOptions.bufferBytes
        if let linger = linger.map({ Duration.seconds($0 / 1000) }) ?? standard { configuration.linger = linger }
        return configuration
    }
}
