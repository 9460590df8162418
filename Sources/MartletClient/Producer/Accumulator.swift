import Model
import NIOCore

/// All records of a producer that are not delivered yet, by partition. A value without clock, socket or lock of its own;
/// the producer's core guards it.
struct Accumulator {
    /// What became of an append.
    enum Appended {
        /// In the batch. `isUrgent` says that the partition's sender must look: a batch began or filled up.
        case record(Delivery, isUrgent: Bool)
        /// Room for that many bytes must be waited for.
        case full(bytes: Int)
        /// The topic's partitions are not known yet.
        case unknownTopic
    }

    private final class Topic {
        let name: String
        var partitionCount: Int
        var available: [Int32]
        /// Bytes of a batch: less than configured once the topic has refused one as too large.
        var batchBytes: Int
        var sticky = StickyPartition()
        /// By partition; nil where nothing was appended yet.
        var queues: [PartitionQueue?]

        init(_ topic: ClusterMetadata.Topic, batchBytes: Int) {
            name = topic.name
            queues = Array(repeating: nil, count: topic.partitions.count)
            self.batchBytes = batchBytes
            partitionCount = topic.partitions.count
            available = topic.partitions.filter { $0.leader != nil }.map(\.index)
        }

        func update(_ topic: ClusterMetadata.Topic) {
            partitionCount = topic.partitions.count
            while queues.count < partitionCount { queues.append(nil) }
            available = topic.partitions.filter { $0.leader != nil }.map(\.index)
        }
    }

    let configuration: ProducerConfiguration
    private var topics: [String: Topic] = [:]
    /// The topic of the last record: the next is usually for the same, and needs no look-up then.
    private var recent: Topic?
    /// Queues with something left to do.
    private(set) var active: [TopicPartition: PartitionQueue] = [:]
    private var generator: SeededGenerator
    var budget: MemoryBudget
    var identity: ProducerIdentity?
    /// How many callers want everything sent without lingering.
    var flushes = 0

    init(configuration: ProducerConfiguration, seed: UInt64) {
        self.configuration = configuration
        generator = SeededGenerator(seed: seed)
        budget = MemoryBudget(limit: configuration.bufferBytes)
    }
}

// MARK: Appending

extension Accumulator {
    /// Takes over what is known of a topic.
    mutating func update(_ topic: ClusterMetadata.Topic) {
        if let known = topics[topic.name] {
            known.update(topic)
        } else {
            topics[topic.name] = Topic(topic, batchBytes: configuration.batchBytes)
        }
    }

    /// Adds a record.
    ///
    /// - Parameters:
    ///   - now: Read only when a batch begins.
    ///   - clock: Read only for records without a timestamp of their own.
    ///   - isReserved: Whether its bytes were reserved in ``budget`` already.
    mutating func append(
        _ record: borrowing ProducerRecord,
        now: @autoclosure () -> Instant,
        clock: @autoclosure () -> Timestamp,
        isReserved: Bool = false
    ) throws(ClientError) -> Appended {
        guard let topic = topic(record.topic) else { return .unknownTopic }
        let bytes = record.estimatedBytes
        guard bytes <= budget.limit else {
            throw ClientError(
                .invalidArgument,
                "a record of about \(bytes) bytes is larger than the producer's whole buffer of \(budget.limit) bytes",
                hint: "raise bufferBytes, or send smaller records"
            )
        }
        let partition = try choosePartition(record, topic, bytes)
        guard isReserved || budget.reserve(bytes) else { return .full(bytes: bytes) }
        let queue = queue(topic, partition)
        var isUrgent = false
        if queue.open == nil || !fits(bytes, queue, topic.batchBytes) {
            isUrgent = true
            queue.begin(ProducerBatch(queue.partition, created: now(), compression: configuration.compression))
            active[queue.partition] = queue
        }
        guard let batch = queue.open else { return .unknownTopic }
        let timestamp: Timestamp
        if let given = record.timestamp { timestamp = Timestamp(milliseconds: given) } else { timestamp = clock() }
        let place: Int32
        do throws(ClientError) {
            place = try batch.append(record, timestamp: timestamp, reserving: bytes)
        } catch {
            // The caller completes nobody here: whoever waits for room is served with the next release.
            _ = budget.release(bytes)
            throw error
        }
        if batch.size >= topic.batchBytes {
            queue.close()
            isUrgent = true
        }
        return .record(Delivery(batch: batch.result, place: place), isUrgent: isUrgent)
    }

    private mutating func topic(_ name: String) -> Topic? {
        if let recent, recent.name == name { return recent }
        guard let topic = topics[name] else { return nil }
        recent = topic
        return topic
    }

    private func fits(_ bytes: Int, _ queue: PartitionQueue, _ limit: Int) -> Bool {
        guard let open = queue.open else { return false }
        return open.count == 0 || open.size + bytes <= limit
    }

    private func queue(_ topic: Topic, _ partition: Int32) -> PartitionQueue {
        if let queue = topic.queues[Int(partition)] { return queue }
        let queue = PartitionQueue(TopicPartition(topic.name, partition))
        topic.queues[Int(partition)] = queue
        return queue
    }

    private mutating func choosePartition(
        _ record: borrowing ProducerRecord,
        _ topic: Topic,
        _ bytes: Int
    ) throws(ClientError) -> Int32 {
        if let partition = record.partition {
            guard partition >= 0, Int(partition) < topic.partitionCount else {
                throw ClientError(
                    .invalidArgument,
                    "topic '\(topic.name)' has no partition \(partition), only 0 to \(topic.partitionCount - 1)"
                )
            }
            return partition
        }
        if let key = record.key {
            let count = topic.partitionCount
            return key.withUnsafeReadableBytes { Murmur2.partition(forKey: $0, of: count) }
        }
        return topic.sticky.next(
            bytes: bytes,
            available: topic.available,
            count: topic.partitionCount,
            turn: topic.batchBytes,
            using: &generator
        )
    }
}

// MARK: Answers

extension Accumulator {
    /// Ends a batch that was delivered.
    ///
    /// - Returns: Those who have room now, to be woken outside of the lock.
    mutating func succeed(_ batch: ProducerBatch) -> [Promise<Void>] {
        end(batch) { $0.succeed(batch) }
    }

    /// Ends a batch that cannot be delivered.
    mutating func abandon(_ batch: ProducerBatch) -> [Promise<Void>] {
        end(batch) { $0.abandon(batch) }
    }

    /// Takes a batch back, to be sent again after a pause.
    mutating func retry(_ batch: ProducerBatch, needsNewEpoch: Bool = false, at instant: (_ failures: Int) -> Instant) {
        guard let queue = active[batch.partition] else { return }
        queue.retry(batch, at: instant)
        if needsNewEpoch { queue.requireNewEpoch() }
    }

    /// Goes on with a batch's halves, and makes the topic's further batches as small.
    mutating func split(_ batch: ProducerBatch, _ first: ProducerBatch, _ second: ProducerBatch) {
        topics[batch.partition.topic]?.batchBytes = max(1, min(configuration.batchBytes, batch.size / 2))
        active[batch.partition]?.split(batch, first, second)
    }

    func isNextInSequence(_ batch: ProducerBatch) -> Bool {
        active[batch.partition]?.isNextInSequence(batch) ?? false
    }

    /// Takes out the batches that are older than the delivery timeout.
    mutating func expire(now: Instant) -> (late: [ProducerBatch], room: [Promise<Void>]) {
        let limit = now.advanced(by: .zero - configuration.deliveryTimeout)
        return takeOut { $0.expire(before: limit) }
    }

    /// Takes out all batches that are not on their way.
    mutating func removeAll() -> (batches: [ProducerBatch], room: [Promise<Void>]) {
        let (batches, room) = takeOut { $0.removeAll() }
        return (batches, room + budget.abandonAll())
    }

    private mutating func takeOut(
        _ take: (PartitionQueue) -> [ProducerBatch]
    ) -> (late: [ProducerBatch], room: [Promise<Void>]) {
        var batches: [ProducerBatch] = []
        for (partition, queue) in active {
            batches += take(queue)
            if queue.isIdle { active[partition] = nil }
        }
        return (batches, budget.release(batches.reduce(0) { $0 + $1.reservedBytes }))
    }

    private mutating func end(_ batch: ProducerBatch, _ body: (PartitionQueue) -> Void) -> [Promise<Void>] {
        if let queue = active[batch.partition] {
            body(queue)
            if queue.isIdle { active[batch.partition] = nil }
        }
        return budget.release(batch.reservedBytes)
    }
}
