package import Model

/// When what was appended is made durable: what the log asks of its directory's group commit.
extension PartitionLog {
    /// Why the log's directory is out of use; nil if it is not.
    package var failure: LogError? { environment.groupCommit?.failure }

    /// Why nothing that is not stored yet will be: the directory has failed, or the log was closed or deleted. nil while
    /// there is hope.
    package var stop: LogError? {
        if let failure { return failure }
        if let refusal = writer.withLock({ $0.refusal }) { return refusal }
        return nil
    }

    /// Whether an append may be acknowledged: everything up to `offset` is where the topic's `durability` wants it and, if
    /// `flush.messages` demands that, durable.
    package func isStored(upTo offset: Offset, mustBeDurable: Bool) -> Bool {
        offsets.isStored(upTo: offset, mustBeDurable: mustBeDurable)
    }

    /// Decides about the flush that follows an append, noting in `result` whether its acknowledgement has to wait. With
    /// the writer's lock held; the request is handed over after that.
    func demandFlush(
        for result: inout AppendResult,
        _ urgency: FlushUrgency,
        _ config: LogConfig,
        _ writer: inout LogWriter
    ) -> FlushRequest? {
        let durable = offsets.durable
        guard environment.groupCommit != nil, result.lastOffset >= durable else { return nil }
        if result.lastOffset - durable >= config.flushMessages - 1 {
            result.mustBeDurable = true
            return writer.demand(.urgent)
        }
        switch config.durability {
        case .fsync: return writer.demand(urgency)
        case .pageCache where config.flushMilliseconds < .max:
            return writer.demand(.timed, delay: .milliseconds(config.flushMilliseconds))
        case .pageCache: return nil
        }
    }

    /// Asks for a flush of what was appended so far.
    func requestFlush(_ urgency: FlushUrgency, delay: Duration = .zero) {
        guard let groupCommit = environment.groupCommit else { return }
        if let request = writer.withLock({ $0.demand(urgency, delay: delay) }) { groupCommit.request(self, request) }
    }
}

extension LogOffsets {
    /// Whether an append was where its topic wants it when these offsets were taken; see ``PartitionLog``.
    package func isStored(upTo offset: Offset, mustBeDurable: Bool) -> Bool {
        offset < highWatermark && (!mustBeDurable || offset < durable)
    }
}

extension LogWriter {
    /// What has to be asked of the group commit so that it is as urgent as that; nil if it was asked for already.
    mutating func demand(_ urgency: FlushUrgency, delay: Duration = .zero) -> FlushRequest? {
        guard urgency > flushUrgency else { return nil }
        flushUrgency = urgency
        return FlushRequest(urgency: urgency, delay: delay)
    }
}
