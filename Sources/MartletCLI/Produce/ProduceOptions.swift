import ArgumentParser
import MartletClient
import NIOCore

/// How `martlet produce` reads records and sends them. A value.
struct ProduceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What a line is.", valueName: "text|json"))
    var input = Input.text

    @Option(
        name: [.customShort("f"), .customLong("format")],
        help: "How key, value and the rest stand in a line; see above."
    )
    var template: String?

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

    @Option(help: ArgumentHelp("The time of every record (default: of each its own, or now).", valueName: "time"))
    var timestamp: TimeOption?

    @Flag(help: "Take keys, values and the values of headers out of base 64.")
    var base64 = false

    @Flag(help: "End at the first line that cannot be read.")
    var strict = false

    @Option(help: ArgumentHelp("Send so many records a second at most.", valueName: "records"))
    var rate: Double?

    @Option(help: ArgumentHelp("Who must have a record before it counts as delivered.", valueName: "0|1|all"))
    var acks = Acks.all

    @Option(
        name: [.customShort("z"), .customLong("compression")],
        help: ArgumentHelp("How to compress.", valueName: "none|gzip|snappy|lz4|zstd")
    )
    var compression = Codec.none

    @Option(help: "The longest record accepted, in bytes.")
    var maximumRecordBytes = 16 << 20

    enum Input: String, ExpressibleByArgument {
        case text, json
    }

    enum Acks: String, ExpressibleByArgument {
        case none = "0"
        case leader = "1"
        case all

        init?(argument: String) { self.init(rawValue: argument == "-1" ? "all" : argument) }

        var value: ProducerConfiguration.Acknowledgement {
            switch self {
            case .none: .none
            case .leader: .leader
            case .all: .all
            }
        }
    }

    enum Codec: String, ExpressibleByArgument {
        case none, gzip, snappy, lz4, zstd

        var value: ProducerConfiguration.Compression {
            switch self {
            case .none: .none
            case .gzip: .gzip()
            case .snappy: .snappy
            case .lz4: .lz4()
            case .zstd: .zstd()
            }
        }
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
        if let rate, !(rate > 0 && rate.isFinite) { throw ValidationError("--rate must be more than 0") }
        if input == .json, template != nil || keyDelimiter != nil {
            throw ValidationError("--input json says itself what is key and value: -f and -K have no place beside it")
        }
        if template != nil, keyDelimiter != nil { throw ValidationError("-f says where the key is, so -K cannot") }
        if let template {
            do throws(InputTemplate.Problem) { _ = try InputTemplate(template) } catch {
                throw ValidationError(error.description)
            }
        }
    }

    func producerConfiguration(client: ClientConfiguration) -> ProducerConfiguration {
        var configuration = ProducerConfiguration(client: client)
        configuration.acknowledgement = acks.value
        configuration.compression = compression.value
        // An input is read as fast as it is delivered, so large batches fill at once.
        configuration.batchBytes = 512 << 10
        return configuration
    }

    func reading(topic: String) throws -> ProduceSession.Reading {
        let defaults = RecordDefaults(
            topic: topic,
            partition: partition,
            key: key.map { ByteBuffer(string: $0) },
            headers: headers.map { RecordHeader(name: $0.key, value: $0.value) },
            timestamp: timestamp?.milliseconds,
            isEmptyNull: emptyIsNull,
            isBase64: base64
        )
        let parser: RecordParser
        if input == .json {
            parser = .json(RecordJSONParser(defaults: defaults))
        } else if let template {
            parser = .template(try InputTemplate(template), defaults)
        } else {
            parser = .lines(LineParser(defaults: defaults, keyDelimiter: keyDelimiter))
        }
        return ProduceSession.Reading(
            topic: topic,
            parser: parser,
            delimiter: delimiter,
            maximumRecordBytes: maximumRecordBytes,
            isStrict: strict,
            rate: rate
        )
    }
}

/// A point in time as people type it. A value.
struct TimeOption: ExpressibleByArgument, Equatable {
    /// Since 1970-01-01T00:00Z.
    let milliseconds: Int64

    init?(argument: String) {
        guard let time = TimeParser.milliseconds(argument) else { return nil }
        milliseconds = time
    }
}
