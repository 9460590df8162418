package import Model

/// Stands for a request that waits for its reply. The host gives them out and never uses one twice. Immutable.
package struct ReplyToken: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// What the host is to do after an event, in the order given. Immutable.
package enum GroupEffect: Equatable, Sendable {
    case reply(ReplyToken, GroupReply)
    /// To be appended to the log of the coordinator as one batch. The host says how it went by handing the purpose back: at
    /// once, before the next event, which would rest on it, if the log refuses; otherwise in the order of the appends.
    case append([GroupRecord], GroupAppend)
    /// Replaces a timer of the same name.
    case setTimer(GroupTimer, after: Duration)
    case cancelTimer(GroupTimer)
    /// For logs and history; nothing depends on it.
    case note(GroupNote)
}

/// The timers a group may have running. Immutable.
package enum GroupTimer: Hashable, Sendable {
    /// The end of waiting for members to join.
    case join
    /// The end of waiting for members to fetch their assignment.
    case sync
    /// A member that has not been heard of.
    case session(MemberID)
    /// A member of a consumer group that has not given back what it has to.
    case revocation(MemberID)
    /// A member of the classic protocol in a consumer group that was told to join again, or to fetch its assignment.
    case rejoin(MemberID)
    /// The end of a storm of rebalances, unless there is another one until then.
    case calm
}

/// What an append was for: goes to the host and comes back with the outcome. Immutable.
package enum GroupAppend: Hashable, Sendable {
    /// A group without members; nobody waits for it.
    case emptied
    /// The assignments of a generation.
    case assignments(Generation)
    /// A restarted static member under its new id.
    case restartedMember(ClassicMember.Restart)
    /// Committed offsets, or their deletion, for the request that waits under this token.
    case offsets(ReplyToken)
    /// The end of a group, for the request that waits under this token.
    case deletion(ReplyToken)
    /// Offsets or a group that are of no use any more; nobody waits for it.
    case expiry(UInt64)
    /// A decision of a consumer group, by its number.
    case consumerGroup(UInt64)
}

/// The answer to a request, by API. Immutable.
package enum GroupReply: Equatable, Sendable {
    case join(JoinReply)
    case sync(SyncReply)
    case heartbeat(ErrorCode)
    case leave(LeaveReply)
    /// Of each position of the request.
    case commit([ErrorCode])
    /// Of each partition of the request.
    case deleteOffsets([ErrorCode])
    case delete(ErrorCode)
    case consumerHeartbeat(ConsumerHeartbeatReply)
}

/// What one event makes of a group: the effects, gathered in the order in which they are to be performed. Owned by the
/// caller.
package struct GroupStep: Sendable {
    package let now: EventTime
    package private(set) var effects: [GroupEffect] = []

    package init(now: EventTime) { self.now = now }

    mutating func reply(_ token: ReplyToken, _ reply: GroupReply) { effects.append(.reply(token, reply)) }

    mutating func append(_ records: [GroupRecord], for purpose: GroupAppend) {
        effects.append(.append(records, purpose))
    }

    mutating func setTimer(_ timer: GroupTimer, milliseconds: Int32) {
        effects.append(.setTimer(timer, after: .milliseconds(Int64(milliseconds))))
    }

    mutating func setTimer(_ timer: GroupTimer, after delay: Duration) {
        effects.append(.setTimer(timer, after: delay))
    }

    mutating func cancelTimer(_ timer: GroupTimer) { effects.append(.cancelTimer(timer)) }

    mutating func note(_ note: GroupNote) { effects.append(.note(note)) }
}
