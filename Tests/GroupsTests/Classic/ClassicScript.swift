import Groups
import Model
import Testing

/// A rebalance as text: what clients do, and what comes of it.
///
/// Lines that begin with `>` are commands, the lines below them what must come of them, in this order:
///
/// ```
/// > a joins [range:meta …] [anew] [static=NAME] [session=6s] [rebalance=60s] [version=9]
/// > a syncs [a=work b=work …]       > a heartbeats      > a leaves       > admin removes NAME
/// > a commits [generation=N]        > wait 50ms         > describe       > restart
/// > log stalls       > log stores one batch     > log recovers      > log fails KAFKA_STORAGE_ERROR
/// ```
///
/// A client goes on with the id and the generation it was last told. A `#` begins a remark.
struct ClassicScript {
    private struct Client {
        var id = MemberID.unknown
        var instanceID: InstanceID?
        var generation = Generation.none
        var protocols = [JoinProtocol(name: "range", metadata: Array("-".utf8))]
        var session: Int32 = 10_000
        var rebalance: Int32 = 60_000
    }

    private var host = ClassicHost()
    private var clients: [String: Client] = [:]
    private var waiting: [ReplyToken: String] = [:]
    private var ids = 0
    private var output: [String] = []

    /// Plays the script and compares.
    static func check(
        _ script: String,
        settings: ClassicGroupSettings = ClassicGroupSettings(),
        at location: SourceLocation = #_sourceLocation
    ) {
        let lines = script.split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0.prefix { $0 != "#" }).trimmingSpaces() }
            .filter { !$0.isEmpty }
        var player = ClassicScript()
        player.host.settings = settings
        var actual: [String] = []
        for line in lines where line.hasPrefix(">") {
            actual.append(line)
            player.play(line.dropFirst().split(separator: " ").map(String.init))
            actual += player.output
            player.output = []
        }
        if actual == lines { return }
        Issue.record("what really happens:\n\(actual.joined(separator: "\n"))", sourceLocation: location)
    }

    private mutating func play(_ words: [String]) {
        guard words.count >= 2 || words == ["describe"] || words == ["restart"] else { return say("? \(words)") }
        switch (words[0], words.dropFirst().first ?? "") {
        case ("wait", let duration): host.advance(to: host.now + (milliseconds(duration) ?? 0))
        case ("log", let change): changeLog(change, words.dropFirst(2).first)
        case ("describe", _): return describe()
        case ("restart", _):
            waiting = [:]
            host.restart()
        case ("admin", "removes"): leave("admin", .unknown, words.last.map { InstanceID($0) })
        case (let name, "joins"): join(name, Array(words.dropFirst(2)))
        case (let name, "syncs"): sync(name, Array(words.dropFirst(2)))
        case (let name, "heartbeats"): heartbeat(name)
        case (let name, "leaves"): leave(name, clients[name]?.id ?? .unknown, clients[name]?.instanceID)
        case (let name, "commits"): commit(name, words.dropFirst(2).first)
        default: say("? \(words)")
        }
        report()
    }

    private mutating func say(_ line: String) { output.append(line) }

    private func milliseconds(_ text: String) -> Int? {
        if text.hasSuffix("ms") { return Int(text.dropLast(2)) }
        return text.hasSuffix("s") ? Int(text.dropLast(1)).map { $0 * 1000 } : nil
    }

    private mutating func changeLog(_ change: String, _ error: String?) {
        if change == "stores" { return host.settleAppend(failure: nil) }
        host.isLogStalled = change == "stalls"
        let failure = error.flatMap { name in (0...133).map { ErrorCode(rawValue: $0) }.first { $0.name == name } }
        while change != "stalls", !host.appends.isEmpty { host.settleAppend(failure: failure) }
    }
}

/// The commands of clients.
extension ClassicScript {
    private mutating func join(_ name: String, _ words: [String]) {
        var client = clients[name] ?? Client()
        var request = JoinRequest()
        var protocols: [JoinProtocol] = []
        for word in words {
            let parts = word.split(separator: "=").map(String.init)
            switch parts[0] {
            case "anew": client.id = .unknown
            case "static": client.instanceID = InstanceID(parts[1])
            case "session": client.session = Int32(milliseconds(parts[1]) ?? 0)
            case "rebalance": client.rebalance = Int32(milliseconds(parts[1]) ?? 0)
            case "version":
                request.requiresKnownMemberID = (Int(parts[1]) ?? 9) >= 4
                request.understandsSkippedAssignment = (Int(parts[1]) ?? 9) >= 9
            case "type": request.protocolType = parts[1]
            default:
                let halves = word.split(separator: ":").map(String.init)
                protocols.append(JoinProtocol(name: halves[0], metadata: Array((halves.dropFirst().first ?? "-").utf8)))
            }
        }
        if !protocols.isEmpty { client.protocols = protocols }
        clients[name] = client
        ids += 1
        request.memberID = client.id
        request.instanceID = client.instanceID
        request.client = ClientIdentity(id: name, host: "host")
        request.sessionTimeoutMilliseconds = client.session
        request.rebalanceTimeoutMilliseconds = client.rebalance
        if request.protocolType.isEmpty { request.protocolType = "consumer" }
        request.protocols = client.protocols
        request.freshMemberID = MemberID("\(name)-\(ids)")
        let token = expectReply(name)
        host.handle { group, settings, step in group.join(request, token, settings, &step) }
    }

    private mutating func sync(_ name: String, _ words: [String]) {
        var request = SyncRequest()
        request.generation = clients[name]?.generation ?? .none
        request.memberID = clients[name]?.id ?? .unknown
        request.instanceID = clients[name]?.instanceID
        request.assignments = words.map { word in
            let halves = word.split(separator: "=").map(String.init)
            return (clients[halves[0]]?.id ?? MemberID(halves[0]), Array(halves[1].utf8))
        }
        let token = expectReply(name)
        host.handle { group, settings, step in group.sync(request, token, settings, &step) }
    }

    private mutating func heartbeat(_ name: String) {
        let client = clients[name] ?? Client()
        let token = expectReply(name)
        host.handle { group, _, step in
            group.heartbeat(client.id, client.instanceID, client.generation, token, &step)
        }
    }

    private mutating func leave(_ name: String, _ id: MemberID, _ instanceID: InstanceID?) {
        var request = LeaveRequest()
        var member = LeaveRequest.Member()
        member.id = id
        member.instanceID = instanceID
        request.members = [member]
        let token = expectReply(name)
        host.handle { group, settings, step in group.leave(request, token, settings, &step) }
    }

    private mutating func commit(_ name: String, _ generation: String?) {
        let client = clients[name] ?? Client()
        let claimed = generation.flatMap { Int32($0.dropFirst("generation=".count)) }.map { Generation($0) }
        var answer = ErrorCode.none
        host.handle { group, _, step in
            answer = group.commit(client.id, client.instanceID, claimed ?? client.generation, &step)
        }
        say("\(name): commit \(answer == .none ? "accepted" : "fails with \(answer.name)")")
    }

    private mutating func expectReply(_ name: String) -> ReplyToken {
        let token = host.nextToken()
        waiting[token] = name
        return token
    }
}

/// What is said of effects.
extension ClassicScript {
    private mutating func report() {
        for effect in host.takeEffects() {
            switch effect {
            case .reply(let token, let reply): report(reply, to: waiting.removeValue(forKey: token) ?? "?")
            case .append(let records, _): for record in records { report(record) }
            case .setTimer(.join, let delay): say("timer: join in \(Int(delay / .milliseconds(1))) ms")
            case .note(.rebalanceBegan(let reason)): say("group: rebalances, \(reason)")
            case .note(.rebalanceCompleted(let rebalance)):
                let duration = Int(rebalance.duration / .milliseconds(1))
                say("group: settled in \(duration) ms, members \(rebalance.membersBefore) → \(rebalance.membersAfter)")
            case .note(.stormBegan(let count, let time, let reason)):
                say("group: \(count) rebalances within \(time.components.seconds) s, now \(reason)")
            case .note(.stormEnded): say("group: is calm again")
            case .setTimer, .cancelTimer: break
            }
        }
    }

    private mutating func report(_ reply: GroupReply, to name: String) {
        switch reply {
        case .join(let join): report(join, to: name)
        case .sync(let sync) where sync.error == .none: say("\(name): gets \(text(sync.assignment))")
        case .sync(let sync): say("\(name): sync fails with \(sync.error.name)")
        case .heartbeat(let error): say("\(name): heartbeat \(error == .none ? "heard" : "fails with \(error.name)")")
        case .leave(let leave):
            for member in leave.members {
                let failure = member.error == .none ? "" : " fails with \(member.error.name)"
                say("\(name): leave\(failure.isEmpty ? " accepted" : failure)")
            }
        // Not of members, but of the offsets beside them.
        case .commit, .deleteOffsets, .delete, .consumerHeartbeat: say("? \(reply)")
        }
    }

    private mutating func report(_ join: JoinReply, to name: String) {
        switch join.error {
        case .none:
            clients[name]?.id = join.memberID
            clients[name]?.generation = join.generation
            var line = "\(name): is \(join.memberID) in generation \(join.generation) of \(join.protocolName ?? "-")"
            line += join.leader == join.memberID ? ", leads" : ", follows \(join.leader)"
            line += join.members.map { " \($0.id)=\(text($0.metadata))" }.joined()
            say(join.skipsAssignment ? line + ", nothing to assign" : line)
        case .memberIdRequired:
            clients[name]?.id = join.memberID
            say("\(name): told to be \(join.memberID)")
        default: say("\(name): join fails with \(join.error.name)")
        }
    }

    private mutating func report(_ record: GroupRecord) {
        guard case .classicGroup(_, let value?) = record else { return say("log: group deleted") }
        let members = value.members.map { " \($0.id)=\(text($0.assignment))" }.joined()
        let leader = value.leader.map { ", led by \($0)" } ?? ", empty"
        say("log: generation \(value.generation) of \(value.protocolName ?? "-")\(leader)\(members)")
    }

    private mutating func describe() {
        let description = host.group.description
        say("\(description.state.rawValue) \(description.protocolType) \(description.protocolName)".trimmingSpaces())
        for member in description.members {
            let name = member.instanceID.map { "\(member.id) (\($0))" } ?? "\(member.id)"
            say("\(name) \(text(member.metadata)) \(text(member.assignment))")
        }
    }

    private func text(_ bytes: [UInt8]) -> String { bytes.isEmpty ? "nothing" : String(decoding: bytes, as: UTF8.self) }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
