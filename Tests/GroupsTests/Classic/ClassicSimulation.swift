import Groups
import Model
import Testing

/// A classic group under faults, from one seed: messages are lost, late and doubled, clients crash, pause and come back,
/// the log fails, the coordinator restarts. Checks all the while that a partition has one owner in a generation, that
/// commits of the past are refused and that nothing committed is taken back; and that once faults stop, everyone has
/// its part. Owned by one test.
struct ClassicSimulation {
    private static let tick = 20
    private static let partitions = 7
    private static let faultsEnd = 120_000
    private static let end = faultsEnd + 90_000

    private typealias Network = SimulatedNetwork<SimulatedRequest, SimulatedReply>

    private let seed: UInt64
    private var random: SeededGenerator
    private var host = ClassicHost()
    private var members: [SimulatedMember] = []
    private var network = Network()
    private var waiting: [ReplyToken: Network.Sender] = [:]
    private var ids = 0
    /// The owner of each partition in each generation that was given out.
    private var owners: [Generation: [Int: MemberID]] = [:]
    private var newestGiven = Generation.none
    private var committed: [Int: Int] = [:]
    /// How often each thing happened, so that a run that tests nothing is noticed.
    private(set) var counts: [String: Int] = [:]
    private(set) var problems: [String] = []
    private var logRecovers = 0
    /// Which faults this seed has.
    private let faults: Set<Int>

    init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        let mask = random.next()
        faults = Set((0..<6).filter { mask & 1 << UInt64($0) != 0 })
        let count = Int.random(in: 1...6, using: &random)
        for index in 0..<count {
            let isStatic = Bool.random(using: &random)
            members.append(SimulatedMember(name: "m\(index)", instanceID: isStatic ? InstanceID("i\(index)") : nil))
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
            deliver(now, hasFaults)
            for index in members.indices { act(index, now, hasFaults) }
        }
        checkThatEveryoneHasItsPart()
    }

    private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

    private mutating func count(_ name: String) { counts[name, default: 0] += 1 }

    private mutating func fail(_ text: String) { problems.append("seed \(seed), \(host.now) ms: \(text)") }
}

/// Faults.
extension ClassicSimulation {
    private mutating func disturb(_ now: Int) {
        if faults.contains(0), chance(400) { crash(now) }
        if faults.contains(1), chance(400), let index = members.indices.randomElement(using: &random) {
            members[index].awayUntil = now + Int.random(in: 1000..<25_000, using: &random)
            count("pause")
        }
        if faults.contains(2), chance(1500) {
            count("restart of the coordinator")
            waiting = [:]
            host.restart(survivors: Int.random(in: 0...host.appends.count, using: &random))
            logRecovers = now
        }
        if faults.contains(3), chance(300) { logRecovers = now + Int.random(in: 20..<12_000, using: &random) }
        host.isLogStalled = now < logRecovers
        if !host.isLogStalled, !host.appends.isEmpty {
            let fails = chance(4)
            count(fails ? "failed append" : "delayed append")
            host.settleAppend(failure: fails ? .coordinatorNotAvailable : nil)
        }
    }

    private mutating func crash(_ now: Int) {
        guard let index = members.indices.randomElement(using: &random) else { return }
        count("crash")
        members[index].restart()
        members[index].awayUntil = now + Int.random(in: 100..<30_000, using: &random)
    }

    private mutating func recover() {
        host.isLogStalled = false
        while !host.appends.isEmpty { host.settleAppend(failure: nil) }
        for index in members.indices {
            members[index].awayUntil = min(members[index].awayUntil, Self.faultsEnd)
            if members[index].state == .ended { members[index].restart() }
        }
    }
}

/// The network between members and group.
extension ClassicSimulation {
    private mutating func act(_ index: Int, _ now: Int, _ hasFaults: Bool) {
        guard now >= members[index].awayUntil else { return }
        receive(index, now)
        if let pending = members[index].pending, now > pending.until {
            members[index].receive(.timeout, committed: committed)
        }
        guard let request = members[index].act(now: now, partitions: Self.partitions, random: &random),
            let number = members[index].pending?.number
        else { return }
        if hasFaults, faults.contains(4), chance(15) { return count("lost request") }
        let delay = Int.random(in: 0..<60, using: &random)
        send(request, index, number, due: now + delay)
        if hasFaults, faults.contains(5), case .commit = request, chance(4) {
            let late = now + Int.random(in: 500..<40_000, using: &random)
            send(members[index].commit(isLate: true), index, 0, due: late)
        }
    }

    private mutating func send(_ request: SimulatedRequest, _ index: Int, _ number: Int, due: Int) {
        let incarnation = members[index].incarnation
        network.send(request, from: Network.Sender(member: index, incarnation: incarnation, number: number), due: due)
    }

    private mutating func receive(_ index: Int, _ now: Int) {
        let member = members[index]
        let number = member.pending?.number
        let replies = network.arrivedAnswers(of: index, incarnation: member.incarnation, number: number, now: now)
        for reply in replies { members[index].receive(reply, committed: committed) }
    }

    private mutating func deliver(_ now: Int, _ hasFaults: Bool) {
        for (sender, request) in network.arrivedRequests(now: now) {
            handle(request, of: sender)
            collect()
        }
        if hasFaults, faults.contains(4), chance(20), network.loseAnswer() { count("lost answer") }
    }

    private mutating func handle(_ request: SimulatedRequest, of sender: Network.Sender) {
        let token = host.nextToken()
        waiting[token] = sender
        switch request {
        case .join(var request):
            ids += 1
            request.freshMemberID = MemberID("\(request.idPrefix)-\(ids)")
            host.handle { group, settings, step in group.join(request, token, settings, &step) }
        case .sync(let request):
            host.handle { group, settings, step in group.sync(request, token, settings, &step) }
        case .heartbeat(let id, let instanceID, let generation):
            host.handle { group, _, step in group.heartbeat(id, instanceID, generation, token, &step) }
        case .leave(let request):
            host.handle { group, settings, step in group.leave(request, token, settings, &step) }
        case .commit(let id, let instanceID, let generation, let offsets, let isLate):
            var answer = ErrorCode.none
            host.handle { group, _, step in answer = group.commit(id, instanceID, generation, &step) }
            if answer == .none { accept(offsets, id, generation, isLate: isLate) }
            count(answer == .none ? "commit" : "refused commit")
            waiting[token] = nil
            network.answer(.commit(answer), to: sender, due: host.now)
        }
    }

    /// Takes the answers out of the group's effects.
    private mutating func collect() {
        for effect in host.takeEffects() {
            guard case .reply(let token, let reply) = effect, let to = waiting.removeValue(forKey: token) else {
                continue
            }
            if case .sync(let sync) = reply, sync.error == .none { give(sync.assignment, to: to) }
            network.answer(.group(reply), to: to, due: host.now + Int.random(in: 0..<60, using: &random))
        }
    }
}

/// What must hold.
extension ClassicSimulation {
    private mutating func give(_ assignment: [UInt8], to: Network.Sender) {
        count("assignment")
        let generation = host.group.generation
        newestGiven = max(newestGiven, generation)
        let name = MemberID("\(to.member)")
        for partition in assignment.map({ Int($0) }) {
            let owner = owners[generation, default: [:]][partition]
            if let owner, owner != name { fail("partition \(partition) has two owners in generation \(generation)") }
            owners[generation, default: [:]][partition] = name
        }
    }

    private mutating func accept(_ offsets: [Int: Int], _ id: MemberID, _ generation: Generation, isLate: Bool) {
        if generation < newestGiven { fail("a commit of generation \(generation) after \(newestGiven) was given out") }
        // A copy that comes late on another connection is as good as a client that commits backwards.
        if isLate { return }
        for (partition, offset) in offsets {
            if let before = committed[partition], before > offset {
                fail("\(id) took the offset of partition \(partition) back from \(before) to \(offset)")
            }
            committed[partition] = offset
        }
    }

    private mutating func checkThatEveryoneHasItsPart() {
        guard problems.isEmpty else { return }
        let generations = Set(members.map(\.generation))
        let held = members.flatMap { Array($0.holds) }.sorted()
        if held != Array(0..<Self.partitions) { fail("in the end members hold \(held)") }
        if generations.count != 1 || members.contains(where: { $0.state != .stable }) {
            fail("in the end members are \(members.map { "\($0.name) \($0.state) \($0.generation)" })")
        }
    }
}
