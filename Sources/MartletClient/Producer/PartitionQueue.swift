import Model
import NIOCore

/// One partition's batches: collected, on their way, and to be sent again. Owned by the accumulator, so guarded by its
/// lock.
///
/// Order is kept through retries: after a failure nothing new leaves until what was on its way has come back, and then
/// the failed batches go again one at a time, with the sequence numbers they had.
final class PartitionQueue {
    let partition: TopicPartition
    /// Collecting records.
    private(set) var open: ProducerBatch?
    /// Full, in order.
    private var full = CircularBuffer<ProducerBatch>()
    /// Sent and not answered, in order.
    private var inFlight: [ProducerBatch] = []
    /// To be sent again, in order.
    private var retrying: [ProducerBatch] = []
    private var begun: UInt64 = 0
    private var failures = 0
    private var retryAt: Instant?

    private var identity: ProducerIdentity?
    private var nextSequence = SequenceNumber(0)
    /// The sequence number the broker expects, as far as its answers tell.
    private var expectedSequence = SequenceNumber(0)
    /// Whether the numbering has a hole that only a new epoch closes (KIP-360).
    private var needsNewEpoch = false

    init(_ partition: TopicPartition) { self.partition = partition }

    /// Whether there is nothing left to do.
    var isIdle: Bool { open == nil && full.isEmpty && inFlight.isEmpty && retrying.isEmpty }

    /// Every batch that has no outcome yet.
    var unfinished: [ProducerBatch] { inFlight + retrying + full + (open.map { [$0] } ?? []) }

    /// When the batch that is next to be sent began.
    var waitingSince: Instant? { (retrying.first ?? full.first ?? open)?.created }

    // MARK: Collecting

    func begin(_ batch: ProducerBatch) {
        close()
        begun += 1
        batch.ordinal = begun
        open = batch
    }

    /// Ends the collecting batch.
    func close() {
        if let batch = open.take() { full.append(batch) }
    }

    // MARK: Sending

    /// When a batch may leave: now or in the past if one may, nil if none waits or all must wait for an answer.
    func readyAt(lingering linger: Duration, maximumInFlight: Int) -> Instant? {
        if !retrying.isEmpty { return inFlight.isEmpty ? retryAt ?? Instant(nanoseconds: 0) : nil }
        if needsNewEpoch, !inFlight.isEmpty { return nil }
        guard inFlight.count < maximumInFlight else { return nil }
        if !full.isEmpty { return Instant(nanoseconds: 0) }
        return open?.created.advanced(by: linger)
    }

    /// Takes the next batch to send and numbers it. Only call when ``readyAt(lingering:maximumInFlight:)`` says so.
    ///
    /// - Parameter numbering: The producer's identity, which may be given a new epoch, or taken away when its epochs are
    ///   used up; nil without idempotence.
    /// - Returns: nil if the producer needs a new id first.
    func take(_ numbering: inout ProducerIdentity?) -> ProducerBatch? {
        if needsNewEpoch {
            restartNumbering(&numbering)
            if numbering == nil { return nil }
        }
        if !retrying.isEmpty {
            let batch = retrying.removeFirst()
            if batch.sequence == nil { number(batch, numbering) }
            return send(batch)
        }
        if full.isEmpty { close() }
        guard let batch = full.popFirst() else { return nil }
        number(batch, numbering)
        return send(batch)
    }

    private func send(_ batch: ProducerBatch) -> ProducerBatch {
        batch.attempts += 1
        inFlight.append(batch)
        return batch
    }

    private func number(_ batch: ProducerBatch, _ current: ProducerIdentity?) {
        guard let current else { return }
        // A partition keeps the epoch it started with: another partition's new epoch is of no concern here.
        let own = identity ?? current
        identity = own
        batch.number(own, nextSequence)
        nextSequence = nextSequence.advanced(by: batch.count)
    }

    private func restartNumbering(_ numbering: inout ProducerIdentity?) {
        invariant(inFlight.isEmpty, "a partition's numbering restarts while batches are on their way")
        needsNewEpoch = false
        numbering = numbering.flatMap { $0.epoch < .max ? ProducerIdentity(id: $0.id, epoch: $0.epoch + 1) : nil }
        identity = numbering
        nextSequence = SequenceNumber(0)
        expectedSequence = SequenceNumber(0)
        for batch in retrying { batch.number(nil, nil) }
    }

    // MARK: Answers

    func succeed(_ batch: ProducerBatch) {
        remove(batch)
        failures = 0
        if let sequence = batch.sequence { expectedSequence = sequence.advanced(by: batch.count) }
    }

    /// Puts the batch back in its place among those to be sent again.
    func retry(_ batch: ProducerBatch, at instant: (_ failures: Int) -> Instant) {
        remove(batch)
        putBack(batch)
        // Batches that fail together are one failure.
        if inFlight.isEmpty || retrying.count == 1 { failures += 1 }
        retryAt = instant(failures)
    }

    /// Goes on with the batch's halves in its place, at once.
    func split(_ batch: ProducerBatch, _ first: ProducerBatch, _ second: ProducerBatch) {
        remove(batch)
        if retrying.isEmpty { retryAt = nil }
        putBack(second)
        putBack(first)
    }

    /// In front of those with the same ordinal, which are later parts of what was one batch.
    private func putBack(_ batch: ProducerBatch) {
        let place = retrying.firstIndex { $0.ordinal >= batch.ordinal } ?? retrying.endIndex
        retrying.insert(batch, at: place)
    }

    /// Gives the batch up. Those behind it can only follow under a new epoch.
    func abandon(_ batch: ProducerBatch) {
        remove(batch)
        if batch.sequence != nil { needsNewEpoch = true }
    }

    /// Whether the broker refuses a sequence number that it should have expected: its state is lost, or ours is wrong.
    func isNextInSequence(_ batch: ProducerBatch) -> Bool { batch.sequence == expectedSequence }

    /// Starts over with sequence 0 under a new epoch, as soon as nothing is on its way.
    func requireNewEpoch() { needsNewEpoch = true }

    /// Takes out the batches that waited too long; those on their way are left to their answers.
    func expire(before instant: Instant) -> [ProducerBatch] {
        let isLate = { (batch: ProducerBatch) in batch.created < instant }
        let late = retrying.filter(isLate) + full.filter(isLate) + (open.map { [$0] } ?? []).filter(isLate)
        guard !late.isEmpty else { return [] }
        if retrying.contains(where: { isLate($0) && $0.sequence != nil }) { needsNewEpoch = true }
        retrying.removeAll(where: isLate)
        full.removeAll(where: isLate)
        if let batch = open, isLate(batch) { open = nil }
        return late
    }

    /// Takes out all batches but those on their way.
    func removeAll() -> [ProducerBatch] {
        let batches = retrying + full + (open.map { [$0] } ?? [])
        retrying = []
        full.removeAll()
        open = nil
        return batches
    }

    private func remove(_ batch: ProducerBatch) { inFlight.removeAll { $0 === batch } }
}
