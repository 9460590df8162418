import Groups
import Model
import Testing

/// A rebalance of a consumer group as text: what clients do, and what comes of it.
///
/// Lines that begin with `>` are commands, the lines below them what must come of them, in this order:
///
/// ```
/// > topic t 3            > topic t deleted          > wait 5s         > describe      > restart
/// > a joins t,u [regex=t.*] [static=NAME] [rebalance=60s] [assignor=range] [as=ID] [version=0]
/// > a heartbeats [holding t-0 t-1 | holding nothing | silently] [reading t,u] [regex=…] [epoch=N] [fully]
/// > a leaves             > a pauses                 > a commits t-0 [epoch=N] [version=8]
/// > log stalls           > log stores one batch     > log recovers        > log fails|refuses KAFKA_STORAGE_ERROR
/// ```
///
/// A client goes on with the epoch it was last told, and says that it holds what it was last given: it gives back at once
/// what it is to give back. A `#` begins a remark.
struct ConsumerScript {
    struct Client {
        var id = MemberID.unknown
        var instanceID: InstanceID?
        var epoch = MemberEpoch.joining
        var holds = PartitionSet()
        var rebalance: Int32 = 60_000
        var choosesMemberID = true
    }

    var host = ConsumerHost()
    var clients: [String: Client] = [:]
    var waiting: [ReplyToken: String] = [:]
    private var output: [String] = []

    /// Plays the script and compares.
    static func check(
        _ script: String,
        settings: ConsumerGroupSettings = ConsumerGroupSettings(),
        at location: SourceLocation = #_sourceLocation
    ) {
        let lines = script.split(separator: "\n", omittingEmptySubsequences: false)
            .map { String($0.prefix { $0 != "#" }).trimmingBlanks() }
            .filter { !$0.isEmpty }
        var player = ConsumerScript()
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
        let rest = Array(words.dropFirst(2))
        switch (words.first ?? "", words.dropFirst().first ?? "") {
        case ("topic", let name): host.topics.set(name, partitions: Int32(rest.first ?? ""))
        case ("wait", let duration): host.advance(to: host.now + (Self.milliseconds(duration) ?? 0))
        case ("log", let change): changeLog(change, rest.first)
        case ("describe", _): return describe()
        case ("restart", _):
            waiting = [:]
            host.restart()
        case (let name, "joins"): join(name, rest)
        case (let name, "heartbeats"): heartbeat(name, rest)
        case (let name, "leaves"): leave(name, .leaving)
        case (let name, "pauses"): leave(name, .pausing)
        case (let name, "commits"): commit(name, rest)
        default: say("? \(words)")
        }
        report()
        if let problem = host.problem { say("? \(problem)") }
    }

    mutating func say(_ line: String) { output.append(line) }

    static func milliseconds(_ text: String) -> Int? {
        if text.hasSuffix("ms") { return Int(text.dropLast(2)) }
        return text.hasSuffix("s") ? Int(text.dropLast(1)).map { $0 * 1000 } : nil
    }

    private mutating func changeLog(_ change: String, _ error: String?) {
        if change == "stores" { return host.settleAppend(failure: nil) }
        let failure = error.flatMap { name in (0...133).map { ErrorCode(rawValue: $0) }.first { $0.name == name } }
        host.refusal = change == "refuses" ? failure : nil
        if change == "refuses" { return }
        // What is not told yet is told the same.
        host.isLogStalled = true
        while change != "stalls", !host.appends.isEmpty { host.settleAppend(failure: failure) }
        host.isLogStalled = change == "stalls"
    }
}

/// The commands of clients.
extension ConsumerScript {
    private mutating func join(_ name: String, _ words: [String]) {
        var client = clients[name] ?? Client()
        var request = ConsumerHeartbeat()
        request.topics = []
        for word in words {
            let parts = word.split(separator: "=").map(String.init)
            switch (parts[0], parts.dropFirst().first ?? "") {
            case ("static", let value): client.instanceID = InstanceID(value)
            case ("rebalance", let value): client.rebalance = Int32(Self.milliseconds(value) ?? 0)
            case ("assignor", let value): request.assignor = value
            case ("regex", let value): request.pattern = value
            case ("as", let value): client.id = MemberID(value)
            case ("version", let value): client.choosesMemberID = value != "0"
            case (let topics, _): request.topics = topics.split(separator: ",").map(String.init)
            }
        }
        if client.id == .unknown, client.choosesMemberID { client.id = MemberID(name) }
        client.epoch = .joining
        client.holds = PartitionSet()
        clients[name] = client
        request.memberID = client.id
        request.choosesMemberID = client.choosesMemberID
        request.freshMemberID = MemberID("\(name)-given")
        request.instanceID = client.instanceID
        request.rebalanceTimeoutMilliseconds = client.rebalance
        request.owned = PartitionSet()
        request.client = ClientIdentity(id: name, host: "host")
        send(request, name)
    }

    private mutating func heartbeat(_ name: String, _ words: [String]) {
        let client = clients[name] ?? Client()
        var request = ConsumerHeartbeat()
        request.memberID = client.id
        request.epoch = client.epoch
        request.instanceID = client.instanceID
        request.owned = client.holds
        request.client = ClientIdentity(id: name, host: "host")
        var place = 0
        while place < words.count {
            let word = words[place]
            place += 1
            switch word {
            case "silently": request.owned = nil
            case "fully":
                request.topics = request.topics ?? ["t"]
                request.rebalanceTimeoutMilliseconds = client.rebalance
            case "reading":
                request.topics = words[place].split(separator: ",").map(String.init)
                place += 1
            case "holding":
                request.owned = PartitionSet(words[place...].compactMap { partition($0) })
                place = words.count
            case _ where word.hasPrefix("regex="): request.pattern = String(word.dropFirst("regex=".count))
            case _ where word.hasPrefix("epoch="):
                request.epoch = MemberEpoch(Int32(word.dropFirst("epoch=".count)) ?? 0)
            default: say("? \(word)")
            }
        }
        if let owned = request.owned { clients[name]?.holds = owned }
        send(request, name)
    }

    private mutating func leave(_ name: String, _ epoch: MemberEpoch) {
        let client = clients[name] ?? Client()
        var request = ConsumerHeartbeat()
        request.memberID = client.id
        request.instanceID = client.instanceID
        request.epoch = epoch
        send(request, name)
    }

    private mutating func send(_ request: ConsumerHeartbeat, _ name: String) {
        let token = host.nextToken()
        waiting[token] = name
        host.handle { group, topics, settings, step in group.heartbeat(request, token, topics, settings, &step) }
    }

    private mutating func commit(_ name: String, _ words: [String]) {
        var request = CommitRequest()
        request.memberID = clients[name]?.id ?? .unknown
        request.generation = Generation(clients[name]?.epoch.rawValue ?? -1)
        for word in words {
            if word.hasPrefix("epoch=") {
                request.generation = Generation(Int32(word.dropFirst("epoch=".count)) ?? 0)
            } else if word.hasPrefix("version=") {
                request.understandsMemberEpochs = (Int(word.dropFirst("version=".count)) ?? 9) >= 9
            } else if let dash = word.lastIndex(of: "-"), let index = Int32(word[word.index(after: dash)...]) {
                request.positions.append(
                    CommitRequest.Position(TopicPartition(String(word[..<dash]), index), offset: Offset(1))
                )
            }
        }
        let problem = host.group.commitProblem(request, host.topics)
        say("\(name): commit \(problem.map { "fails with \($0.name)" } ?? "accepted")")
    }

    private func partition(_ text: String) -> PartitionID? {
        guard let dash = text.lastIndex(of: "-"), let index = Int32(text[text.index(after: dash)...]),
            let topic = host.topics.topic(named: String(text[..<dash]))
        else { return nil }
        return PartitionID(topic.id, index)
    }
}

/// What is said of effects.
extension ConsumerScript {
    private mutating func report() {
        for effect in host.takeEffects() {
            switch effect {
            case .reply(let token, .consumerHeartbeat(let reply)):
                report(reply, to: waiting.removeValue(forKey: token) ?? "?")
            case .append(let records, _): say("log: " + records.map { text($0) }.joined(separator: ", "))
            case .note(.rebalanceBegan(let reason)): say("group: rebalances, \(reason)")
            case .note(.rebalanceCompleted(let rebalance)):
                say("group: settled in epoch \(rebalance.generation)")
            case .note(.stormBegan(let count, _, _)): say("group: a storm of \(count) rebalances")
            case .note(.stormEnded): say("group: calm")
            case .reply(_, let reply): say("? \(reply)")
            case .setTimer, .cancelTimer: break
            }
        }
    }

    private mutating func report(_ reply: ConsumerHeartbeatReply, to name: String) {
        if reply.error != .none { return say("\(name): refused with \(reply.error.name)") }
        if reply.epoch < .joining { return say("\(name): gone") }
        if let id = reply.memberID { clients[name]?.id = id }
        clients[name]?.epoch = reply.epoch
        guard let assignment = reply.assignment else { return say("\(name): epoch \(reply.epoch)") }
        clients[name]?.holds = assignment
        say("\(name): epoch \(reply.epoch), is to hold \(text(assignment))")
    }

    private func text(_ record: GroupRecord) -> String {
        guard case .consumerGroup(_, let record) = record else { return "?" }
        return switch record {
        case .group(let value): value.map { "epoch \($0.epoch)" } ?? "-group"
        case .assignmentEpoch(let value): value.map { "targets of \($0.epoch)" } ?? "-targets"
        case .member(let id, let value): value == nil ? "-member \(id)" : "member \(id)"
        case .target(let id, let value): value == nil ? "-target \(id)" : "target \(id)"
        case .current(let id, let value): value == nil ? "-current \(id)" : "current \(id)"
        case .pattern(let pattern, let value): value == nil ? "-pattern \(pattern)" : "pattern \(pattern)"
        }
    }

    private mutating func describe() {
        let description = host.group.description(host.settings)
        say("\(description.state.rawValue) \(description.epoch) \(description.assignmentEpoch) \(description.assignor)")
        for described in description.members {
            let member = described.member
            let name = member.subscription.instanceID.map { "\(member.id) (\($0))" } ?? "\(member.id)"
            var line = "\(name) \(member.current.state) \(member.epoch)"
            line += " has \(text(member.current.assigned.partitions))"
            if !member.current.revoking.isEmpty { line += ", gives back \(text(member.current.revoking.partitions))" }
            say(line + ", to have \(text(described.target))")
        }
    }

    private func text(_ partitions: PartitionSet) -> String {
        let names = partitions.topics.flatMap { topic, indexes in
            indexes.map { TopicPartition(host.topics.topic(topic)?.name ?? "?", $0) }
        }
        return names.isEmpty ? "nothing" : names.sorted().map(\.description).joined(separator: " ")
    }
}

extension String {
    fileprivate func trimmingBlanks() -> String {
        let start = drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
