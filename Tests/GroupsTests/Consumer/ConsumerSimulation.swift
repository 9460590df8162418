import Groups
import Model
import Testing

/// A consumer group under faults, from one seed: messages are lost and late, clients crash, pause and come back, topics
/// grow, the log fails, the coordinator restarts. Checks all the while that a partition has one owner, that commits of
/// the past are refused and that nothing committed is taken back; and that once faults stop, everyone has its part. Owned
/// by one test.
struct ConsumerSimulation {
    private static let tick = 20
    private static let checkInterval = 200
    private static let faultsEnd = 150_000
    private static let end = faultsEnd + 120_000

    private typealias Network = SimulatedNetwork<SimulatedConsumer.Request, SimulatedConsumer.Reply>

    private let seed: UInt64
    private var random: SeededGenerator
    private var host = ConsumerHost()
    private var members: [SimulatedConsumer] = []
    private var network = Network()
    private var waiting: [ReplyToken: Network.Sender] = [:]
    private var committed: [PartitionID: Int] = [:]
    /// The newest epoch in which each partition was given to somebody.
    private var given: [PartitionID: (epoch: MemberEpoch, to: MemberID)] = [:]
    /// How often each thing happened, so that a run that tests nothing is noticed.
    private(set) var counts: [String: Int] = [:]
    private(set) var problems: [String] = []
    private var logRecovers = 0
    private var refusalEnds = 0
    /// Which faults this seed has.
    private let faults: Set<Int>

    init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        let mask = random.next()
        faults = Set((0..<8).filter { mask & 1 << UInt64($0) != 0 })
        host.settings.assignors = Bool.random(using: &random) ? [.uniform, .range] : [.range, .uniform]
        host.settings.sessionTimeoutMilliseconds = 9000
        // Of so few partitions that is some seconds.
        if Bool.random(using: &random) { host.settings.assignmentInterval = .seconds(400) }
        host.topics.set("t", partitions: 5)
        host.topics.set("u", partitions: 2)
        let isHomogeneous = Bool.random(using: &random)
        for index in 0..<Int.random(in: 1...6, using: &random) {
            let isStatic = Bool.random(using: &random)
            let readsBoth = isHomogeneous || Bool.random(using: &random)
            let hasPattern = !isHomogeneous && Int.random(in: 0..<3, using: &random) == 0
            members.append(
                SimulatedConsumer(
                    name: "m\(index)",
                    instanceID: isStatic ? InstanceID("i\(index)") : nil,
                    topics: hasPattern ? [] : readsBoth ? ["t", "u"] : ["t"],
                    pattern: hasPattern ? "t|u" : nil
                )
            )
            members[index].awayUntil = Int.random(in: 0..<5000, using: &random)
        }
    }

    mutating func run() {
        var now = 0
        while now < Self.end, problems.isEmpty {
            now += Self.tick
            host.advance(to: now)
            collect()
            let hasFaults = now < Self.faultsEnd
            if hasFaults { disturb(now) } else { recover() }
            deliver(now)
            for index in members.indices { act(index, now, hasFaults) }
            if now % Self.checkInterval == 0 { checkOwners() }
        }
        checkThatEveryoneHasItsPart()
    }

    private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

    private mutating func count(_ name: String) { counts[name, default: 0] += 1 }

    private mutating func fail(_ text: String) { problems.append("seed \(seed), \(host.now) ms: \(text)") }
}

/// Faults.
extension ConsumerSimulation {
    private mutating func disturb(_ now: Int) {
        if faults.contains(0), chance(400) { end(now, inOrder: false) }
        if faults.contains(1), chance(400) { end(now, inOrder: true) }
        if faults.contains(2), chance(400), let index = members.indices.randomElement(using: &random) {
            members[index].awayUntil = now + Int.random(in: 1000..<25_000, using: &random)
            count("pause")
        }
        if faults.contains(3), chance(1500) {
            count("restart of the coordinator")
            waiting = [:]
            host.restart(survivors: Int.random(in: 0...host.appends.count, using: &random))
        }
        if faults.contains(4), chance(300) { logRecovers = now + Int.random(in: 20..<6000, using: &random) }
        if faults.contains(5), chance(300) { refusalEnds = now + Int.random(in: 20..<3000, using: &random) }
        host.isLogStalled = now < logRecovers
        host.refusal = now < refusalEnds ? .coordinatorNotAvailable : nil
        if now < refusalEnds { count("failed append") }
        if !host.isLogStalled, !host.appends.isEmpty {
            count("delayed append")
            host.settleAppend(failure: nil)
        }
        if faults.contains(6), chance(2500), let topic = host.topics.topic(named: "t"), topic.partitions < 9 {
            host.topics.set("t", partitions: topic.partitions + 1)
            count("new partition")
        }
    }

    /// A program ends, without a word or with one, and is started again.
    private mutating func end(_ now: Int, inOrder: Bool) {
        guard let index = members.indices.randomElement(using: &random) else { return }
        count(inOrder ? "farewell" : "crash")
        if inOrder, members[index].state == .joined {
            send(.heartbeat(members[index].farewell), index, 0, due: now)
        }
        members[index].restart()
        members[index].awayUntil = now + Int.random(in: 100..<20_000, using: &random)
    }

    private mutating func recover() {
        host.isLogStalled = false
        host.refusal = nil
        while !host.appends.isEmpty { host.settleAppend(failure: nil) }
        for index in members.indices {
            members[index].awayUntil = min(members[index].awayUntil, Self.faultsEnd)
            if members[index].state == .ended { members[index].restart() }
        }
    }
}

/// The network between members and group.
extension ConsumerSimulation {
    private mutating func act(_ index: Int, _ now: Int, _ hasFaults: Bool) {
        guard now >= members[index].awayUntil else { return }
        receive(index, now)
        if let pending = members[index].pending, now > pending.until { members[index].timeOut() }
        let topics = host.topics
        guard let request = members[index].act(now: now, topics: topics, committed: committed, &random),
            let number = members[index].pending?.number
        else { return }
        if hasFaults, faults.contains(7), chance(15) { return count("lost request") }
        send(request, index, number, due: now + Int.random(in: 0..<60, using: &random))
        if hasFaults, faults.contains(7), case .commit = request, chance(4) {
            let late = now + Int.random(in: 500..<40_000, using: &random)
            send(members[index].commit(topics, isLate: true), index, 0, due: late)
        }
    }

    private mutating func send(_ request: SimulatedConsumer.Request, _ index: Int, _ number: Int, due: Int) {
        let incarnation = members[index].incarnation
        network.send(request, from: Network.Sender(member: index, incarnation: incarnation, number: number), due: due)
    }

    private mutating func receive(_ index: Int, _ now: Int) {
        let member = members[index]
        let number = member.pending?.number
        let replies = network.arrivedAnswers(of: index, incarnation: member.incarnation, number: number, now: now)
        for reply in replies {
            switch reply {
            case .heartbeat(let reply): members[index].receive(reply, now: now, &random)
            case .commit(let error): members[index].receive(commit: error)
            }
        }
    }

    private mutating func deliver(_ now: Int) {
        for (sender, request) in network.arrivedRequests(now: now) {
            handle(request, of: sender)
            collect()
        }
        if faults.contains(7), now < Self.faultsEnd, chance(20), network.loseAnswer() { count("lost answer") }
    }

    private mutating func handle(_ request: SimulatedConsumer.Request, of sender: Network.Sender) {
        switch request {
        case .heartbeat(let request):
            let token = host.nextToken()
            waiting[token] = sender
            host.handle { group, topics, settings, step in group.heartbeat(request, token, topics, settings, &step) }
            if let problem = host.problem { fail(problem) }
        case .commit(let request, let offsets, let isLate):
            let problem = host.group.commitProblem(request, host.topics)
            if problem == nil { accept(request, offsets, isLate: isLate) }
            count(problem == nil ? "commit" : "refused commit")
            network.answer(.commit(problem), to: sender, due: host.now)
        }
    }

    /// Takes the answers out of the group's effects.
    private mutating func collect() {
        for effect in host.takeEffects() {
            guard case .reply(let token, .consumerHeartbeat(let reply)) = effect,
                let to = waiting.removeValue(forKey: token)
            else { continue }
            if let id = reply.memberID, let assignment = reply.assignment { give(assignment, id, reply.epoch) }
            network.answer(.heartbeat(reply), to: to, due: host.now + Int.random(in: 0..<60, using: &random))
        }
    }
}

/// What must hold.
extension ConsumerSimulation {
    private mutating func give(_ assignment: PartitionSet, _ id: MemberID, _ epoch: MemberEpoch) {
        count("assignment")
        for partition in assignment.all {
            if let before = given[partition] {
                if before.epoch > epoch, before.to != id {
                    fail("\(id) is given \(partition) in epoch \(epoch), which \(before.to) got in \(before.epoch)")
                }
                if before.epoch == epoch, before.to != id, !isSameInstance(before.to, id) {
                    fail("\(partition) is given to \(before.to) and to \(id) in epoch \(epoch)")
                }
            }
            given[partition] = (epoch, id)
        }
    }

    /// Whether they are restarts of one program: a static one gets its place back in the same epoch.
    private func isSameInstance(_ one: MemberID, _ other: MemberID) -> Bool {
        one.rawValue.prefix { $0 != "-" } == other.rawValue.prefix { $0 != "-" }
    }

    /// Of what a client reads and the group believes to be its own, nobody else is given anything.
    private mutating func checkOwners() {
        var owners: [PartitionID: MemberID] = [:]
        let known = host.group.description(host.settings).members
        for described in known {
            let current = described.member.current
            for partition in Array(current.assigned.all) + Array(current.revoking.all) {
                if let owner = owners[partition] { fail("\(partition) is of \(owner) and \(described.member.id)") }
                owners[partition] = described.member.id
            }
        }
        for client in members where client.state == .joined {
            guard let member = known.first(where: { $0.member.id == client.id })?.member, member.epoch == client.epoch
            else { continue }
            for partition in client.holds.all where owners[partition] != client.id {
                fail("\(client.id) reads \(partition), which the group has given to \(owners[partition] ?? .unknown)")
            }
        }
    }

    private mutating func accept(_ request: CommitRequest, _ offsets: [PartitionID: Int], isLate: Bool) {
        for (partition, offset) in offsets {
            if let last = given[partition], last.epoch > MemberEpoch(request.generation.rawValue),
                last.to != request.memberID
            {
                fail("\(request.memberID) commits \(partition) after \(last.to) got it in \(last.epoch)")
            }
            // A copy that comes late on another connection is as good as a client that commits backwards.
            if isLate { continue }
            if let before = committed[partition], before > offset {
                fail("\(request.memberID) took the offset of \(partition) back from \(before) to \(offset)")
            }
            committed[partition] = offset
        }
    }

    private mutating func checkThatEveryoneHasItsPart() {
        guard problems.isEmpty else { return }
        var held: [PartitionID: Int] = [:]
        for member in members { for partition in member.holds.all { held[partition, default: 0] += 1 } }
        let readsU = members.contains { $0.topics != ["t"] }
        let names = readsU ? ["t", "u"] : ["t"]
        let all = names.compactMap { host.topics.topic(named: $0) }.flatMap { topic in
            (0..<topic.partitions).map { PartitionID(topic.id, $0) }
        }
        if Set(all) != Set(held.keys) || held.values.contains(where: { $0 != 1 }) {
            fail("in the end members hold \(held.count) of \(all.count) partitions")
        }
        if host.group.groupState != .stable || Set(members.map(\.epoch)).count != 1 {
            fail(
                "in the end the group is \(host.group.groupState), members \(members.map { "\($0.state) \($0.epoch)" })"
            )
        }
    }
}
