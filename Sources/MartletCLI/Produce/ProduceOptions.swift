import ArgumentParser
import MartletClient
import NIOCore

/// How `martlet produce` reads records and sends them. A value.
struct ProduceOptions: ParsableArguments {
    @Option(name: .customShort("K"), help: "Take the key from the line, in front of this delimiter.")
    var keyDelimiter: Delimiter?

    @Option(name: .customShort("D"), help: "What ends a record, instead of a newline.")
    var delimiter = Delimiter.newline

    @Option(
        name: [.customShort("H"), .customLong("header")],
        help: ArgumentHelp("A header of every record; may be repeated.", valueName: "name=value")
    )
    var headers: [KeyValue] = []

    @Option(name: .shortAndLong, help: "The partition (default: by key, or spread evenly).")
    var partition: Int32?

    @Option(name: .shortAndLong, help: "The key of every record that has none of its own.")
    var key: String?

    @Flag(name: .customShort("Z"), help: "Make an empty value null, which deletes the key in compacted topics.")
    var emptyIsNull = false

    @Option(help: ArgumentHelp("Who must have a record before it counts as delivered.", valueName: "0|1|all"))
    var acks = Acks.all

    @Option(
        name: [.customShort("z"), .customLong("compression")],
        help: ArgumentHelp("How to compress.", valueName: "none|gzip|snappy|lz4|zstd")
    )
    var compression = Codec.none

    @Option(help: "The longest record accepted, in bytes.")
    var maximumRecordBytes = 16 << 20

    enum Acks: String, ExpressibleByArgument {
        case none = "0"
        case leader = "1"
        case all

        init?(argument: String) { self.init(rawValue: argument == "-1" ? "all" : argument) }
    }

    enum Codec: String, ExpressibleByArgument {
        case none, gzip, snappy, lz4, zstd
    }

    /// Enough for several of the largest records.
    static let bufferBytes = 64 << 20

    func validate() throws {
        guard (1...Self.bufferBytes / 2).contains(maximumRecordBytes) else {
            throw ValidationError("--maximum-record-bytes must be from 1 to \(Self.bufferBytes / 2)")
        }
        if let partition, partition < 0 {
            throw ValidationError("--partition is \(partition), but must not be negative")
        }
    }

    func producerConfiguration(client: ClientConfiguration) -> ProducerConfiguration {
        var configuration = ProducerConfiguration(client: client)
        switch acks {
        case .none: configuration.acknowledgement = .none
        case .leader: configuration.acknowledgement = .leader
        case .all: configuration.acknowledgement = .all
        }
        switch compression {
        case .none: configuration.compression = .none
        case .gzip: configuration.compression = .gzip()
        case .snappy: configuration.compression = .snappy
        case .lz4: configuration.compression = .lz4()
        case .zstd: configuration.compression = .zstd()
        }
        // An input is read as fast as it is delivered, so large batches fill at once.
        configuration.batchBytes = 512 << 10
        return configuration
    }

    func parser(topic: String) -> LineParser {
        LineParser(
            topic: topic,
            partition: partition,
            keyDelimiter: keyDelimiter,
            fixedKey: key.map { ByteBuffer(string: $0) },
            headers: headers.map { RecordHeader(name: $0.key, value: $0.value) },
            isEmptyNull: emptyIsNull
        )
    }
}
