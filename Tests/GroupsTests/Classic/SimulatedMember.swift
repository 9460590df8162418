import Groups
import Model

/// A request of a simulated client, with what it claimed when it was sent.
enum SimulatedRequest {
    case join(JoinRequest)
    case sync(SyncRequest)
    case heartbeat(MemberID, InstanceID?, Generation)
    case commit(MemberID, InstanceID?, Generation, offsets: [Int: Int], isLate: Bool)
    case leave(LeaveRequest)
}

/// What comes back to a simulated client.
enum SimulatedReply {
    case group(GroupReply)
    case commit(ErrorCode)
    /// Nothing came, and the client has given up.
    case timeout
}

/// A consumer as clients implement it: joins, assigns if it leads, heartbeats, commits, and starts over when told that it
/// is not known. One request at a time. Owned by its simulation.
struct SimulatedMember {
    static let heartbeatInterval = 3000
    static let rebalanceTimeout = 20_000
    static let sessionTimeout = 10_000
    static let requestTimeout = 2000

    enum State: Equatable {
        case unjoined
        case joined
        case stable
        /// Has been fenced by its own successor, or has left.
        case ended
    }

    let name: String
    let instanceID: InstanceID?
    private(set) var incarnation = 0
    private(set) var state = State.unjoined
    private(set) var id = MemberID.unknown
    private(set) var generation = Generation.none
    /// The partitions it holds, with the next offset to commit.
    private(set) var positions: [Int: Int] = [:]
    /// The request that it waits for, and until when.
    private(set) var pending: (number: Int, until: Int)?
    private var requests = 0
    private var nextHeartbeat = 0
    /// The members it is to assign to, if it leads.
    private var toAssign: [MemberID]?
    /// When it will have come back from a crash or a pause.
    var awayUntil = 0

    init(name: String, instanceID: InstanceID?) {
        self.name = name
        self.instanceID = instanceID
    }

    var holds: Set<Int> { Set(positions.keys) }

    /// Starts the program anew.
    mutating func restart() {
        incarnation += 1
        pending = nil
        id = .unknown
        lose()
    }

    private mutating func lose() {
        state = .unjoined
        generation = .none
        positions = [:]
        toAssign = nil
    }

    /// What it sends now, if anything.
    mutating func act(now: Int, partitions: Int, random: inout SeededGenerator) -> SimulatedRequest? {
        guard pending == nil else { return nil }
        switch state {
        case .ended: return nil
        case .unjoined: return send(.join(joinRequest), timeout: Self.rebalanceTimeout + 5000, now)
        case .joined: return send(.sync(syncRequest(partitions)), timeout: Self.rebalanceTimeout + 5000, now)
        case .stable:
            if now >= nextHeartbeat {
                nextHeartbeat = now + Self.heartbeatInterval
                return send(.heartbeat(id, instanceID, generation), timeout: Self.requestTimeout, now)
            }
            guard Int.random(in: 0..<20, using: &random) == 0, !positions.isEmpty else { return nil }
            for partition in positions.keys { positions[partition, default: 0] += 1 }
            return send(commit(isLate: false), timeout: Self.requestTimeout, now)
        }
    }

    func commit(isLate: Bool) -> SimulatedRequest {
        .commit(id, instanceID, generation, offsets: positions, isLate: isLate)
    }

    private mutating func send(_ request: SimulatedRequest, timeout: Int, _ now: Int) -> SimulatedRequest {
        requests += 1
        pending = (requests, now + timeout)
        return request
    }

    private var joinRequest: JoinRequest {
        var request = JoinRequest()
        request.memberID = id
        request.instanceID = instanceID
        request.client = ClientIdentity(id: name, host: "host")
        request.sessionTimeoutMilliseconds = Int32(Self.sessionTimeout)
        request.rebalanceTimeoutMilliseconds = Int32(Self.rebalanceTimeout)
        request.protocolType = "consumer"
        request.protocols = [JoinProtocol(name: "range", metadata: Array(name.utf8))]
        return request
    }

    private func syncRequest(_ partitions: Int) -> SyncRequest {
        var request = SyncRequest()
        request.generation = generation
        request.memberID = id
        request.instanceID = instanceID
        guard let toAssign, !toAssign.isEmpty else { return request }
        request.assignments = toAssign.enumerated().map { index, member in
            let share = (0..<partitions).filter { $0 % toAssign.count == index }
            return (member, share.map { UInt8($0) })
        }
        return request
    }

    /// - Parameter committed: What it would be told if it asked for committed offsets.
    mutating func receive(_ reply: SimulatedReply, committed: [Int: Int]) {
        pending = nil
        switch reply {
        case .timeout: break
        case .commit(let error): obey(error)
        case .group(.heartbeat(let error)): obey(error)
        case .group(.leave), .group(.commit), .group(.deleteOffsets), .group(.delete), .group(.consumerHeartbeat): break
        case .group(.join(let join)): joined(join)
        case .group(.sync(let sync)):
            if sync.error != .none { return obey(sync.error) }
            state = .stable
            positions = Dictionary(uniqueKeysWithValues: sync.assignment.map { (Int($0), committed[Int($0)] ?? 0) })
        }
    }

    private mutating func joined(_ reply: JoinReply) {
        switch reply.error {
        case .none:
            id = reply.memberID
            generation = reply.generation
            positions = [:]
            toAssign = reply.leader == id && !reply.skipsAssignment ? reply.members.map(\.id) : nil
            state = .joined
        case .memberIdRequired: id = reply.memberID
        default: obey(reply.error)
        }
    }

    /// What clients do when they are refused.
    private mutating func obey(_ error: ErrorCode) {
        switch error {
        case .none, .coordinatorNotAvailable: break
        case .rebalanceInProgress: lose()
        case .illegalGeneration, .unknownMemberId:
            id = .unknown
            lose()
        case .fencedInstanceId:
            lose()
            state = .ended
        default: lose()
        }
    }
}
