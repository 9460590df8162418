import CommitLog
import CoreMetrics
import Logging
import Model

/// What the broker's configuration says about looking for damage. Immutable.
package struct ScrubberSettings: Equatable, Sendable {
    /// Within which every byte is looked at once; nil if that is not wanted.
    package let interval: Duration?
    package let maximumBytesPerSecond: Double

    init(_ values: Values) {
        let interval = values.int64("log.scrub.interval.ms")
        self.interval = interval < 0 ? nil : .milliseconds(interval)
        maximumBytesPerSecond = values.double("log.scrub.io.max.bytes.per.second")
    }
}

/// Looks at every byte of every log once in a while, on a thread of its own, and sums up segments soon after they are
/// closed. Thread-safe.
///
/// What it finds is refused to readers from then on, logged in one line, reported to ``Health``, and counted in
/// `martlet_scrub_damaged_ranges`; `martlet_scrub_bytes` counts what was looked at. It reads no faster than it may, and
/// leaves nothing in the page cache that was not there.
package final class LogScrubber: Sendable {
    private struct State {
        var pace: TransferPace
        var thread: NamedThread?
        var isStopping = false
        /// When partitions that were never looked at are looked at first.
        var firstLooks: [TopicPartition: Timestamp] = [:]
        /// What the operator was told of.
        var told: [TopicPartition: [QuarantinedRange]] = [:]
    }

    private let topics: TopicRegistry
    private let settings: ScrubberSettings
    private let health: Health
    private let time: any TimeSource
    private let log: Logger
    private let state: Locked<State>
    private let wakeUp = Semaphore()

    /// Between two looks for closed segments and for partitions whose turn has come.
    private static let longestPause = Duration.seconds(10)
    private static let shortestPause = Duration.milliseconds(100)
    /// Partitions that were never looked at are spread over this time.
    private static let longestSpreadMilliseconds: Int64 = 60 * 60 * 1000

    init(topics: TopicRegistry, settings: ScrubberSettings, health: Health, time: any TimeSource, log: Logger) {
        self.topics = topics
        self.settings = settings
        self.health = health
        self.time = time
        self.log = log
        state = Locked(State(pace: TransferPace(bytesPerSecond: settings.maximumBytesPerSecond)))
    }

    /// Starts the thread. Without an interval it only sums up what is closed, and tells of what others find.
    func start() {
        let thread = NamedThread("scrubber") { [self] in work() }
        state.withLock { $0.thread = thread }
    }

    /// Ends the thread in the midst of what it looks at.
    func stop() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            state.isStopping = true
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func work() {
        let pause = min(Self.longestPause, max(Self.shortestPause, (settings.interval ?? Self.longestPause) / 10))
        while !isStopping {
            checkDue()
            _ = wakeUp.wait(atMost: pause)
        }
    }

    private var partitions: [PartitionLog] {
        topics.snapshot.byName.values.flatMap { $0.partitions.compactMap(\.openLog) }
    }

    // MARK: Rounds

    /// Sums up what was closed, and looks at the partitions whose turn has come, the longest waiting first.
    package func checkDue() {
        let partitions = partitions
        let known = Set(partitions.map(\.topicPartition))
        state.withLock { state in
            state.firstLooks = state.firstLooks.filter { known.contains($0.key) }
            state.told = state.told.filter { known.contains($0.key) }
        }
        for partition in partitions where !isStopping {
            tell(partition)
            look(at: partition, onlyNew: true)
        }
        guard settings.interval != nil else { return }
        let now = time.now
        let late = partitions.map { (log: $0, due: due(of: $0)) }.filter { $0.due <= now }
        for partition in late.sorted(by: { $0.due < $1.due }) where !isStopping {
            if look(at: partition.log, onlyNew: false) { noteScrubbed(partition.log) }
        }
    }

    /// Looks at everything now.
    package func checkAll() {
        for partition in partitions where !isStopping {
            if look(at: partition, onlyNew: false) { noteScrubbed(partition) }
        }
    }

    private func due(of partition: PartitionLog) -> Timestamp {
        let interval = (settings.interval ?? .zero).wholeNanoseconds / 1_000_000
        if let last = partition.lastScrub { return last.advanced(milliseconds: interval) }
        // All at once after a start would take the disk from those who want their records.
        let spread = min(interval / 10, Self.longestSpreadMilliseconds)
        return state.withLock { state in
            if let known = state.firstLooks[partition.topicPartition] { return known }
            let first = time.now.advanced(milliseconds: spread > 0 ? .random(in: 0..<spread) : 0)
            state.firstLooks[partition.topicPartition] = first
            return first
        }
    }

    /// Looks at a partition's segments. Whether all of them were looked at. A failure is logged, and the next round
    /// tries again.
    @discardableResult
    private func look(at partition: PartitionLog, onlyNew: Bool) -> Bool {
        let name = partition.topicPartition
        do throws(LogError) {
            for base in try partition.segmentsToScrub(onlyNew: onlyNew) {
                let findings = try partition.scrub(segment: base) { bytes throws(LogError) in try pace(bytes, name) }
                for range in findings.healed { log.info("\(name) is sound again: \(range)") }
                if !findings.found.isEmpty || !findings.healed.isEmpty { tell(partition) }
            }
            return true
        } catch {
            // Deleted meanwhile, or the broker stops.
            if case .closed = error { return false }
            log.error("the search for damage in \(name) failed and is tried again: \(error)")
            return false
        }
    }

    private func noteScrubbed(_ partition: PartitionLog) {
        // Thousands of empty partitions have nothing to remember.
        guard partition.sizeInBytes > 0 || partition.lastScrub != nil else {
            return state.withLock { $0.firstLooks[partition.topicPartition] = nil }
        }
        do throws(LogError) {
            try partition.noteScrubbed()
        } catch {
            if case .closed = error { return }
            log.error("that \(partition.topicPartition) was searched for damage cannot be noted: \(error)")
        }
    }

    // MARK: What was found

    /// Tells the operator of damage that he was not told of, whoever has found it.
    package func tellAll() { for partition in partitions { tell(partition) } }

    private func tell(_ partition: PartitionLog) {
        let name = partition.topicPartition
        let ranges = partition.quarantined.filter { $0.state == .refused }
        let told = state.withLock { state in
            let told = state.told[name] ?? []
            state.told[name] = ranges.isEmpty ? nil : ranges
            return told
        }
        guard ranges != told else { return }
        for range in ranges where !told.contains(range) {
            log.error("\(name) is damaged: \(range)")
            Counter(label: "martlet_scrub_damaged_ranges", dimensions: [("topic", name.topic)]).increment()
        }
        guard let first = ranges.first else {
            health.clear(.recordsDamaged, name.description)
            return
        }
        let offsets = ranges.reduce(Int64(0)) { $0 + ($1.offsets.upperBound - $1.offsets.lowerBound) }
        let more = ranges.count == 1 ? "" : ", and \(ranges.count - 1) more places; \(offsets) offsets in all"
        health.report(
            .recordsDamaged,
            name.description,
            partition: name,
            reason: "\(first)\(more)"
        )
    }

    /// Waits as long as the rate limit asks for; throws when the broker stops.
    private func pace(_ bytes: Int, _ partition: TopicPartition) throws(LogError) {
        Counter(label: "martlet_scrub_bytes").increment(by: Int64(bytes))
        let wait = state.withLock { state in
            state.isStopping ? nil : state.pace.wait(after: bytes, now: time.instant)
        }
        guard let wait else { throw .closed(partition) }
        // Shorter ones add up to one that is worth a system call.
        if wait > .milliseconds(10) { _ = wakeUp.wait(atMost: wait) }
    }
}
