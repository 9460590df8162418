/// How a ``Producer`` batches, sends and retries. The defaults are Kafka's unless a property says otherwise. A value.
public struct ProducerConfiguration: Sendable {
    /// Who must have a record before it counts as delivered.
    public enum Acknowledgement: Sendable, Equatable {
        /// Nobody: records are sent and forgotten. Lost ones are not noticed.
        case none
        /// The partition's leader.
        case leader
        /// All replicas in sync.
        case all
    }

    /// How batches are compressed.
    public enum Compression: Sendable, Equatable {
        /// As they are.
        case none
        /// gzip, level 1 to 9, or nil for its default.
        case gzip(level: Int? = nil)
        /// Snappy.
        case snappy
        /// LZ4, level 1 to 17, or nil for its default.
        case lz4(level: Int? = nil)
        /// Zstandard, level 1 to 22, or nil for its default (KIP-110).
        case zstd(level: Int? = nil)
    }

    /// The cluster.
    public var client: ClientConfiguration
    /// Who must have a record before it counts as delivered (`acks`).
    public var acknowledgement = Acknowledgement.all
    /// Whether retries can neither duplicate nor reorder records (`enable.idempotence`, KIP-98). Needs
    /// ``Acknowledgement/all``; has no effect with less.
    ///
    /// Without it, one batch per partition is on its way at a time, so that retries do not reorder records either.
    public var isIdempotent = true
    /// How batches are compressed (`compression.type`).
    public var compression = Compression.none
    /// Bytes of records of one partition that are collected into one batch (`batch.size`).
    ///
    /// Kafka's default is 16 KiB; this one makes fewer requests and compresses better.
    public var batchBytes = 128 << 10
    /// How long a record waits for others before an unfilled batch is sent (`linger.ms`, 5 since Kafka 4.0).
    public var linger = Duration.milliseconds(5)
    /// Bytes of records that may wait for delivery; when they are used up, producing suspends (`buffer.memory`).
    public var bufferBytes = 32 << 20
    /// Requests on their way to one broker at once, 1 to 5 (`max.in.flight.requests.per.connection`).
    public var maximumInFlightRequests = 5
    /// Bytes of batches put into one request; a larger batch travels alone (`max.request.size`).
    public var maximumRequestBytes = 4 << 20
    /// How long after being handed over a record is delivered or given up (`delivery.timeout.ms`).
    public var deliveryTimeout = Duration.seconds(120)

    /// A configuration with the defaults.
    public init(client: ClientConfiguration) { self.client = client }

    /// Whether batches carry a producer id and sequence numbers.
    var usesSequences: Bool { isIdempotent && acknowledgement == .all }

    func validate() throws(ClientError) {
        try Self.check("batchBytes", batchBytes, 1...(1 << 30))
        try Self.check("bufferBytes", bufferBytes, 1...Int.max)
        try Self.check("maximumRequestBytes", maximumRequestBytes, 1...(1 << 30))
        // Brokers remember the last five batches of a producer, so that many can be retried (KIP-98).
        try Self.check("maximumInFlightRequests", maximumInFlightRequests, 1...5)
        guard linger >= .zero, deliveryTimeout >= linger else {
            throw ClientError(
                .invalidArgument,
                "deliveryTimeout (\(deliveryTimeout)) must not be shorter than linger (\(linger)), nor linger negative"
            )
        }
    }

    private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(ClientError) {
        guard range.contains(value) else {
            throw ClientError(
                .invalidArgument,
                "\(name) is \(value), but must be from \(range.lowerBound) to \(range.upperBound)"
            )
        }
    }
}
