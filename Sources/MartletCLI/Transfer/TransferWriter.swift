import MartletClient

/// Sends the records of a copy or a restore, in order, and ends at the first one that is refused. Owned by the command's
/// task.
final class TransferWriter {
    private let producer: Producer
    private var waiting: [Delivery] = []
    private var first = 0
    private(set) var count = 0

    /// How many records to hand over between two looks at what was delivered.
    private static let interval = 1024
    private static let largestBatch = 512 << 10

    /// - Parameter maximumBatchBytes: What the topic accepts.
    init(
        _ client: ClientConfiguration,
        compression: ProducerConfiguration.Compression,
        maximumBatchBytes: Int
    ) throws(ClientError) {
        var configuration = ProducerConfiguration(client: client)
        configuration.compression = compression
        configuration.bufferBytes = ProduceOptions.bufferBytes
        configuration.batchBytes = max(1, min(Self.largestBatch, maximumBatchBytes))
        producer = try Producer(configuration)
    }

    func send(_ record: ProducerRecord) async throws(ClientError) {
        waiting.append(try await producer.enqueue(record))
        count += 1
        if count % Self.interval == 0 { try collect() }
    }

    private func collect() throws(ClientError) {
        while first < waiting.count, let outcome = waiting[first].outcome {
            _ = try outcome.get()
            first += 1
        }
        if first > waiting.count / 2 {
            waiting.removeFirst(first)
            first = 0
        }
    }

    /// Waits until everything is stored, and says where the last record of all that were sent since the last call is.
    func flush() async throws(ClientError) -> RecordMetadata? {
        var last: RecordMetadata?
        for delivery in waiting[first...] { last = try await delivery.metadata() }
        waiting = []
        first = 0
        return last
    }

    func close() async throws(ClientError) { try await producer.close() }

    func abort() async { await producer.abort() }
}

/// Configurations of a topic that is about to be filled with old records. Stateless.
enum TransferredConfigs {
    /// These are set when the records are there: they would take records' times away from them, refuse old ones, or delete
    /// them while others are still on their way.
    private static let deferred = ["message.timestamp.", "retention."]

    static func split(_ configs: [String: String]) -> (first: [String: String], last: [String: String]) {
        let last = configs.filter { name, _ in deferred.contains { name.hasPrefix($0) } }
        // Without a limit of their own, the broker's would count meanwhile.
        let unlimited = ["retention.ms": "-1", "retention.bytes": "-1"]
        return (configs.filter { last[$0.key] == nil }.merging(unlimited) { $1 }, last)
    }

    /// The changes that make a filled topic what it shall be.
    static func changes(_ last: [String: String]) -> [ConfigChange] {
        let set = last.sorted { $0.key < $1.key }.map { ConfigChange.set(name: $0.key, value: $0.value) }
        let unset = ["retention.bytes", "retention.ms"].filter { last[$0] == nil }.map { ConfigChange.delete(name: $0) }
        return set + unset
    }
}

extension Admin {
    /// What a topic does not share with the broker's defaults.
    func ownConfigs(of topic: String) async throws(ClientError) -> [String: String] {
        var own: [String: String] = [:]
        for entry in try await describeConfigs(.topic(topic)) where entry.source == .topic {
            if let value = entry.value { own[entry.name] = value }
        }
        return own
    }

    /// The longest batch that a topic accepts, in bytes.
    func maximumBatchBytes(of topic: String) async throws(ClientError) -> Int {
        let entry = try await describeConfigs(.topic(topic)).first { $0.name == "max.message.bytes" }
        return entry?.value.flatMap { Int($0) } ?? 1 << 20
    }

    /// Where the partitions of a topic begin and end.
    func bounds(of topic: String) async throws(ClientError) -> [Int32: Range<Int64>] {
        let partitions = try await describeTopic(topic).partitions.map { Partition(topic: topic, index: $0.index) }
        let starts = try await listOffsets(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
        let ends = try await listOffsets(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .end) }))
        var bounds: [Int32: Range<Int64>] = [:]
        for partition in partitions {
            let start = starts[partition] ?? 0
            bounds[partition.index] = start..<max(start, ends[partition] ?? 0)
        }
        return bounds
    }

    /// A topic, or nil if there is none of this name.
    func existingTopic(_ name: String) async throws(ClientError) -> TopicDescription? {
        do throws(ClientError) { return try await describeTopic(name) } catch {
            guard error.kafkaName == "UNKNOWN_TOPIC_OR_PARTITION" else { throw error }
            return nil
        }
    }
}

/// How much of so many records is done, on a terminal. Owned by the command's task.
struct TransferProgress {
    private var bar = ProgressBar(isShown: StandardError.isTerminal)
    private let total: Int
    private let start = ContinuousClock.now
    private var shown = ContinuousClock.now
    private(set) var records = 0

    private static let interval = Duration.milliseconds(250)

    /// - Parameter total: Records, as far as one can know.
    init(total: Int) { self.total = total }

    var elapsed: Duration { start.duration(to: .now) }

    mutating func add(_ count: Int) {
        records += count
        let now = ContinuousClock.now
        guard bar.isShown, shown.duration(to: now) > Self.interval else { return }
        shown = now
        let rate = Quantity.count(Quantity.rate(records, over: elapsed))
        bar.show(
            total > 0 ? Double(records) / Double(total) : 1,
            "\(Quantity.count(records)) records, \(rate) records/s"
        )
    }

    mutating func clear() { bar.clear() }

    /// What was done, at what speed.
    var summary: String {
        "\(Quantity.count(records)) records in \(Quantity.seconds(elapsed)), "
            + "\(Quantity.count(Quantity.rate(records, over: elapsed))) records/s"
    }
}
