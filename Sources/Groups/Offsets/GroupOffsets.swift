package import Model

/// The committed offsets of one group. A value, owned by its group.
///
/// A change is seen, and answered, only once it is in the log; until then it is kept under the purpose of its append.
/// Outcomes come in the order of the appends, so what is seen is always what the log says up to some point.
package struct GroupOffsets: Equatable, Sendable {
    private(set) package var committed: [TopicPartition: CommittedOffset] = [:]
    private var pending: [GroupAppend: Change] = [:]

    private struct Change: Equatable, Sendable {
        /// Nil removes.
        let offsets: [(TopicPartition, CommittedOffset?)]
        /// Who waits for it, if anybody.
        let answer: Answer?

        static func == (left: Change, right: Change) -> Bool {
            left.answer == right.answer && left.offsets.elementsEqual(right.offsets, by: ==)
        }
    }

    struct Answer: Equatable, Sendable {
        let token: ReplyToken
        let reply: GroupReply
    }

    package init() {}

    package init(committed: [TopicPartition: CommittedOffset]) { self.committed = committed }

    /// Whether there is nothing, nor anything on its way into the log.
    package var isEmpty: Bool { committed.isEmpty && pending.isEmpty }

    package subscript(_ partition: TopicPartition) -> CommittedOffset? { committed[partition] }

    /// The partitions that have an offset, or will have if the log takes it, in order.
    func partitions(where isWanted: (TopicPartition) -> Bool) -> [TopicPartition] {
        var found = Set(committed.keys.filter(isWanted))
        for change in pending.values { found.formUnion(change.offsets.map(\.0).filter(isWanted)) }
        return found.sorted()
    }

    /// Appends a change, which is made and answered when it is stored.
    ///
    /// - Parameter others: What goes into the log with it.
    mutating func change(
        _ group: GroupID,
        _ offsets: [(TopicPartition, CommittedOffset?)],
        with others: [GroupRecord] = [],
        for purpose: GroupAppend,
        answer: Answer?,
        _ step: inout GroupStep
    ) {
        pending[purpose] = Change(offsets: offsets, answer: answer)
        step.append(offsets.map { .offset(group, $0.0, $0.1) } + others, for: purpose)
    }

    /// The outcome of a change.
    mutating func appended(_ purpose: GroupAppend, failure: ErrorCode?, _ step: inout GroupStep) {
        guard let change = pending.removeValue(forKey: purpose) else { return }
        if failure == nil {
            for (partition, offset) in change.offsets { committed[partition] = offset }
        }
        guard let answer = change.answer else { return }
        step.reply(answer.token, failure.map { answer.reply.failing(with: $0) } ?? answer.reply)
    }
}

extension GroupReply {
    /// The answer if its change could not be stored: whatever was to succeed has failed.
    func failing(with failure: ErrorCode) -> GroupReply {
        switch self {
        case .commit(let errors): .commit(errors.map { $0 == .none ? failure : $0 })
        case .deleteOffsets(let errors): .deleteOffsets(errors.map { $0 == .none ? failure : $0 })
        case .delete: .delete(failure)
        case .consumerHeartbeat(let reply) where reply.error == .none:
            .consumerHeartbeat(.refusal(failure, "The change could not be stored."))
        case .consumerHeartbeat: self
        case .join(let reply): .join(JoinReply(failure, memberID: reply.memberID))
        case .sync: .sync(SyncReply(failure))
        case .heartbeat: .heartbeat(failure)
        case .leave: .leave(LeaveReply(failure))
        }
    }
}
