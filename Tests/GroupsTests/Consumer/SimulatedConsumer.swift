import Groups
import Model

/// A consumer as clients of the consumer protocol implement it: joins, takes over what it is given, gives back what it is
/// not given any more once it has committed, heartbeats, and begins anew when it is fenced. One request at a time. Owned
/// by its simulation.
struct SimulatedConsumer {
    static let heartbeatInterval = 3000
    static let requestTimeout = 2000
    static let rebalanceTimeout: Int32 = 12_000

    enum State: Equatable {
        case unjoined
        case joined
        /// Another has its instance id.
        case ended
    }

    let name: String
    let instanceID: InstanceID?
    private(set) var incarnation = 0
    private(set) var id: MemberID
    private(set) var state = State.unjoined
    private(set) var epoch = MemberEpoch.joining
    /// What it reads, with the next offset to commit.
    private(set) var positions: [PartitionID: Int] = [:]
    /// What it is to hold, if that differs from what it holds.
    private var wanted: PartitionSet?
    /// The request that it waits for, and until when.
    private(set) var pending: (number: Int, until: Int)?
    private var requests = 0
    private var nextHeartbeat = 0
    private var saysAll = false
    /// When it has done with what it is to give back.
    private var revokesUntil = 0
    /// When it will have come back from a crash or a pause.
    var awayUntil = 0
    let topics: [String]
    let pattern: String?

    init(name: String, instanceID: InstanceID?, topics: [String], pattern: String?) {
        self.name = name
        self.instanceID = instanceID
        self.topics = topics
        self.pattern = pattern
        id = MemberID("\(name)-0")
    }

    var holds: PartitionSet { PartitionSet(positions.keys) }

    /// Starts the program anew.
    mutating func restart() {
        incarnation += 1
        id = MemberID("\(name)-\(incarnation)")
        pending = nil
        lose()
    }

    private mutating func lose() {
        state = .unjoined
        epoch = .joining
        positions = [:]
        wanted = nil
        nextHeartbeat = 0
    }

    enum Request {
        case heartbeat(ConsumerHeartbeat)
        case commit(CommitRequest, offsets: [PartitionID: Int], isLate: Bool)
    }

    enum Reply {
        case heartbeat(ConsumerHeartbeatReply)
        case commit(ErrorCode?)
    }

    /// What it sends now, if anything.
    mutating func act(now: Int, topics: FakeTopics, committed: [PartitionID: Int], _ random: inout SeededGenerator)
        -> Request?
    {
        guard pending == nil, state != .ended else { return nil }
        if state == .unjoined { return now >= nextHeartbeat ? send(.heartbeat(nextHeartbeatRequest()), now) : nil }
        if let wanted, now >= revokesUntil {
            let kept = positions.filter { wanted.contains($0.key) }
            let new = wanted.all.filter { positions[$0] == nil }.map { ($0, committed[$0] ?? 0) }
            positions = kept.merging(new, uniquingKeysWith: { $1 })
            self.wanted = nil
            // What it holds now is said at once.
            nextHeartbeat = now
        }
        if now >= nextHeartbeat {
            nextHeartbeat = now + Self.heartbeatInterval
            return send(.heartbeat(nextHeartbeatRequest()), now)
        }
        guard Int.random(in: 0..<15, using: &random) == 0, !positions.isEmpty else { return nil }
        for partition in positions.keys { positions[partition, default: 0] += 1 }
        return send(commit(topics, isLate: false), now)
    }

    private mutating func send(_ request: Request, _ now: Int) -> Request {
        requests += 1
        pending = (requests, now + Self.requestTimeout)
        return request
    }

    private mutating func nextHeartbeatRequest() -> ConsumerHeartbeat {
        var request = heartbeat(state == .unjoined ? .joining : epoch)
        // An answer that was lost may have said more than the next one would.
        if saysAll {
            request.rebalanceTimeoutMilliseconds = Self.rebalanceTimeout
            request.topics = topics
        }
        saysAll = false
        return request
    }

    private func heartbeat(_ epoch: MemberEpoch) -> ConsumerHeartbeat {
        var request = ConsumerHeartbeat()
        request.memberID = id
        request.epoch = epoch
        request.instanceID = instanceID
        request.client = ClientIdentity(id: name, host: "host")
        request.owned = epoch == .joining ? PartitionSet() : holds
        if epoch == .joining {
            request.rebalanceTimeoutMilliseconds = Self.rebalanceTimeout
            request.topics = topics
            request.pattern = pattern
        }
        return request
    }

    /// What a program says that ends in order.
    var farewell: ConsumerHeartbeat { heartbeat(instanceID == nil ? .leaving : .pausing) }

    func commit(_ topics: FakeTopics, isLate: Bool) -> Request {
        var request = CommitRequest()
        request.memberID = id
        request.generation = Generation(epoch.rawValue)
        request.positions = positions.compactMap { partition, offset in
            guard let topic = topics.topic(partition.topic) else { return nil }
            return CommitRequest.Position(TopicPartition(topic.name, partition.index), offset: Offset(Int64(offset)))
        }
        return .commit(request, offsets: positions, isLate: isLate)
    }

    mutating func timeOut() {
        pending = nil
        saysAll = true
        if state == .joined { nextHeartbeat = 0 }
    }

    mutating func receive(commit error: ErrorCode?) {
        pending = nil
        // The heartbeat will tell.
        if error != nil { nextHeartbeat = 0 }
    }

    mutating func receive(_ reply: ConsumerHeartbeatReply, now: Int, _ random: inout SeededGenerator) {
        pending = nil
        switch reply.error {
        case .none:
            state = .joined
            epoch = reply.epoch
            nextHeartbeat = max(nextHeartbeat, now + Self.heartbeatInterval)
            guard let assignment = reply.assignment else { return }
            wanted = assignment
            revokesUntil = now + Int.random(in: 0..<4000, using: &random)
        case .fencedMemberEpoch, .unknownMemberId: lose()
        case .fencedInstanceId:
            lose()
            state = .ended
        default:
            saysAll = true
            nextHeartbeat = now + 500
        }
    }
}
