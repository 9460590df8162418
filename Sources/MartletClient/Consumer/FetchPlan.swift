import Model

/// The partitions of a consumer: where each is, what is fetched ahead, and what to fetch next. A value without clock,
/// socket or lock of its own; the consumer's core guards it.
struct FetchPlan {
    /// One partition to fetch.
    struct Item: Equatable, Sendable {
        let partition: TopicPartition
        let offset: Int64
        /// Tells answers that come too late, for a partition that was given up or moved meanwhile.
        var epoch = 0
        /// The leader epoch of the record read last; −1 if none was.
        var lastEpoch: Int32 = -1
        /// Whether another leader has come since, whose log may part from what was read.
        var isUnchecked = false
    }

    enum Next: Equatable {
        /// - isComplete: Whether no partition of the broker had to be left out because it is far enough ahead.
        case fetch([Item], isComplete: Bool)
        /// Nothing before that moment; nil: until woken.
        case wait(until: Instant?)
    }

    private struct Partition {
        var position: Int64
        /// Where to stop, if anywhere.
        let end: Int64?
        let epoch: Int
        var isPaused = false
        var bufferedBytes = 0
        var failures = 0
        var retryAt: Instant?
        var isInFlight = false
        /// The leader epoch of the record read last.
        var lastEpoch: Int32 = -1
        /// The newest leader epoch with whose log the position was compared.
        var checkedEpoch: Int32 = -1

        /// Whether the position is behind the end, so that only the broker can say what to do about it.
        var isDoubtful: Bool

        var isFinished: Bool { end.map { position >= $0 && !isDoubtful } ?? false }

        init(position: Int64, end: Int64?, epoch: Int) {
            self.position = position
            self.end = end
            self.epoch = epoch
            isDoubtful = end.map { position > $0 } ?? false
        }
    }

    private var partitions: [TopicPartition: Partition] = [:]
    private let prefetchBytes: Int
    /// Goes up when a partition is given up or moved.
    private var epoch = 0

    init(prefetchBytes: Int) { self.prefetchBytes = prefetchBytes }

    mutating func add(_ partition: TopicPartition, position: Int64, end: Int64?) {
        partitions[partition] = Partition(position: position, end: end, epoch: epoch)
    }

    /// Gives a partition up: answers that are on their way do not count any more.
    mutating func remove(_ partition: TopicPartition) {
        epoch += 1
        partitions[partition] = nil
    }

    /// Goes on elsewhere, as the application wants it.
    mutating func seek(_ partition: TopicPartition, to position: Int64) {
        guard let old = partitions[partition] else { return }
        epoch += 1
        partitions[partition] = Partition(position: position, end: old.end, epoch: epoch)
        partitions[partition]?.isPaused = old.isPaused
    }

    /// Stops, or resumes, fetching a partition.
    mutating func setPaused(_ partition: TopicPartition, _ isPaused: Bool) {
        partitions[partition]?.isPaused = isPaused
    }

    func isPaused(_ partition: TopicPartition) -> Bool { partitions[partition]?.isPaused ?? false }

    /// Whether something that was fetched is still wanted.
    func isCurrent(_ partition: TopicPartition, _ epoch: Int) -> Bool { partitions[partition]?.epoch == epoch }

    var all: Set<TopicPartition> { Set(partitions.keys) }

    /// Whether there is nothing left to fetch.
    var isFinished: Bool { partitions.values.allSatisfy(\.isFinished) }

    var topics: Set<String> { Set(partitions.keys.map(\.topic)) }

    func end(of partition: TopicPartition) -> Int64? { partitions[partition]?.end }

    func nodes(_ metadata: ClusterMetadata) -> Set<Int32?> {
        Set(partitions.filter { !$0.value.isFinished }.keys.map { metadata.leader(of: $0)?.id })
    }

    /// What to fetch from a broker next. The partitions returned are on their way until answered.
    mutating func next(for node: Int32?, metadata: ClusterMetadata, now: Instant) -> Next {
        let share = max(1, prefetchBytes / max(1, partitions.count))
        var items: [Item] = []
        var isComplete = true
        var wake: Instant?
        for (name, partition) in partitions where metadata.leader(of: name)?.id == node {
            if partition.isFinished || partition.isInFlight || partition.isPaused { continue }
            if partition.bufferedBytes >= share {
                isComplete = false
            } else if let retryAt = partition.retryAt, retryAt > now {
                wake = min(wake ?? retryAt, retryAt)
            } else {
                var item = Item(partition: name, offset: partition.position, epoch: partition.epoch)
                item.lastEpoch = partition.lastEpoch
                let newest = max(partition.lastEpoch, partition.checkedEpoch)
                item.isUnchecked = partition.lastEpoch >= 0 && metadata.leaderEpoch(of: name) > newest
                items.append(item)
            }
        }
        guard !items.isEmpty else { return .wait(until: wake) }
        for item in items {
            partitions[item.partition]?.isInFlight = true
            // Nothing was read that a later leader could lack: its log is what reading begins with.
            if item.lastEpoch < 0 {
                partitions[item.partition]?.checkedEpoch = metadata.leaderEpoch(of: item.partition)
            }
        }
        return .fetch(items.sorted { $0.partition < $1.partition }, isComplete: isComplete && wake == nil)
    }

    /// Takes note of records that came for an item.
    mutating func received(_ item: Item, bytes: Int, nextOffset: Int64?, lastEpoch: Int32 = -1) {
        update(item) { partition in
            if lastEpoch >= 0 { partition.lastEpoch = lastEpoch }
            partition.position = nextOffset ?? partition.position
            partition.bufferedBytes += bytes
            partition.failures = 0
            partition.retryAt = nil
            partition.isDoubtful = false
        }
    }

    /// Takes note that there was nothing for an item, or that it was not asked for after all.
    mutating func released(_ item: Item) {
        update(item) { partition in
            partition.failures = 0
            partition.retryAt = nil
        }
    }

    /// Takes note that the log of the leader of an epoch has the records that were read.
    mutating func checked(_ item: Item, leaderEpoch: Int32) {
        update(item) { $0.checkedEpoch = leaderEpoch }
    }

    /// Takes note that records were read.
    mutating func consumed(_ partition: TopicPartition, bytes: Int, epoch: Int = 0) {
        if isCurrent(partition, epoch) { partitions[partition]?.bufferedBytes -= bytes }
    }

    /// Takes note that an item could not be fetched.
    ///
    /// - Returns: How often in a row.
    @discardableResult
    mutating func failed(_ item: Item, retryAt: (_ failures: Int) -> Instant) -> Int {
        update(item) { partition in
            partition.failures += 1
            partition.retryAt = retryAt(partition.failures)
        }
        return partitions[item.partition]?.failures ?? 0
    }

    /// Goes on elsewhere, after the position turned out not to exist.
    mutating func reset(_ item: Item, to position: Int64) {
        update(item) { partition in
            partition.position = position
            partition.retryAt = nil
            partition.isDoubtful = false
            partition.lastEpoch = -1
        }
    }

    private mutating func update(_ item: Item, _ body: (inout Partition) -> Void) {
        guard var partition = partitions[item.partition], partition.epoch == item.epoch else { return }
        partition.isInFlight = false
        body(&partition)
        partitions[item.partition] = partition
    }
}
