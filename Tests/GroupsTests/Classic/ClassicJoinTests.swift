import Groups
import Model
import Testing

@Test func requestsThatAreNeverRightAreRefused() {
    ClassicScript.check(
        """
        > a joins session=5s
        a: join fails with INVALID_SESSION_TIMEOUT
        > a joins session=1801s
        a: join fails with INVALID_SESSION_TIMEOUT
        > a joins session=10s range:x range:y   # the same protocol twice
        a: join fails with INVALID_REQUEST
        > describe
        Empty
        """
    )
}

@Test func strangersAreUnknownMembers() {
    ClassicScript.check(
        """
        > a syncs
        a: sync fails with UNKNOWN_MEMBER_ID
        > a heartbeats
        a: heartbeat fails with UNKNOWN_MEMBER_ID
        > a leaves
        a: leave fails with UNKNOWN_MEMBER_ID
        > admin removes i1
        admin: leave fails with UNKNOWN_MEMBER_ID
        """
    )
}

@Test func aLoneMemberStartsAfterAShortWait() {
    ClassicScript.check(
        """
        > a joins
        a: told to be a-1
        > a joins
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 29ms
        > wait 1ms
        a: is a-1 in generation 1 of range, leads a-1=-
        > a heartbeats
        a: heartbeat heard
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        a: gets p0
        group: settled in 30 ms, members 0 → 1
        > describe
        Stable consumer range
        a-1 - p0
        """
    )
}

@Test func theFirstRebalanceWaitsWhileOthersArrive() {
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 20ms
        > b joins   # is on its way, that counts
        b: told to be b-2
        > wait 10ms
        timer: join in 60 ms
        > b joins
        > wait 60ms
        timer: join in 120 ms
        > wait 90ms
        > c joins version=0
        > wait 30ms
        timer: join in 240 ms
        > wait 240ms
        a: is a-1 in generation 1 of range, leads a-1=- b-2=- c-4=-
        b: is b-2 in generation 1 of range, follows a-1
        c: is c-4 in generation 1 of range, follows a-1
        """
    )
}

@Test func theFirstRebalanceNeverWaitsLongerThanMembersAllow() {
    ClassicScript.check(
        """
        > a joins version=0 rebalance=120ms
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > b joins version=0 rebalance=120ms
        > wait 30ms
        timer: join in 60 ms
        > c joins version=0 rebalance=120ms
        > wait 60ms
        timer: join in 30 ms
        > wait 30ms
        a: is a-1 in generation 1 of range, leads a-1=- b-2=- c-3=-
        b: is b-2 in generation 1 of range, follows a-1
        c: is c-3 in generation 1 of range, follows a-1
        """
    )
}

@Test func withoutADelayTheFirstMemberStartsAtOnce() {
    var settings = ClassicGroupSettings()
    settings.initialRebalanceDelay = .zero
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        a: is a-1 in generation 1 of range, leads a-1=-
        """,
        settings: settings
    )
}

@Test func aFullGroupTakesNobodyElse() {
    var settings = ClassicGroupSettings()
    settings.maximumMembers = 2
    settings.initialRebalanceDelay = .zero
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        a: is a-1 in generation 1 of range, leads a-1=-
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        a: gets p0
        group: settled in 0 ms, members 0 → 1
        > b joins version=0
        group: rebalances, b-2 joined
        timer: join in 60000 ms
        > c joins version=0        # a has not joined again, so there is room
        > a joins                  # which is none for a now: those that join first stay
        a: join fails with GROUP_MAX_SIZE_REACHED
        b: is b-2 in generation 2 of range, leads b-2=- c-3=-
        c: is c-3 in generation 2 of range, follows b-2
        > d joins version=0
        d: join fails with GROUP_MAX_SIZE_REACHED
        """,
        settings: settings
    )
}

@Test func protocolsAreChosenByVotesAmongThoseThatAllOffer() {
    ClassicScript.check(
        """
        > a joins version=0 range:a1 sticky:a2
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > b joins version=0 sticky:b1 range:b2
        > c joins version=0 mine:c1 sticky:c2 range:c3
        > d joins version=0 other:d1
        d: join fails with INCONSISTENT_GROUP_PROTOCOL
        > d joins version=0 type=connect range:d1
        d: join fails with INCONSISTENT_GROUP_PROTOCOL
        > wait 150ms
        timer: join in 60 ms
        a: is a-1 in generation 1 of sticky, leads a-1=a2 b-2=b1 c-3=c2
        b: is b-2 in generation 1 of sticky, follows a-1
        c: is c-3 in generation 1 of sticky, follows a-1
        """
    )
}

@Test func anAssignorIsReplacedByARollingRestart() {
    ClassicScript.check(
        """
        > a joins version=0 range:a
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > b joins version=0 range:b
        > wait 150ms
        timer: join in 60 ms
        a: is a-1 in generation 1 of range, leads a-1=a b-2=b
        b: is b-2 in generation 1 of range, follows a-1
        > b leaves
        b: leave accepted
        group: rebalances, b-2 left
        timer: join in 60000 ms
        > b joins anew version=0 sticky:b range:b
        > a joins
        a: is a-1 in generation 2 of range, leads a-1=a b-3=b
        b: is b-3 in generation 2 of range, follows a-1
        > a leaves
        a: leave accepted
        group: rebalances, a-1 left
        timer: join in 60000 ms
        > a joins anew version=0 sticky:a range:a
        > b joins
        b: is b-3 in generation 3 of sticky, leads b-3=b a-5=a
        a: is a-5 in generation 3 of sticky, follows b-3
        """
    )
}

@Test func aRetriedJoinTakesThePlaceOfTheFirst() {
    ClassicScript.check(
        """
        > a joins
        a: told to be a-1
        > a joins
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > a joins
        a: join fails with REBALANCE_IN_PROGRESS
        > wait 50ms
        a: is a-1 in generation 1 of range, leads a-1=-
        > a joins   # the answer was lost
        a: is a-1 in generation 1 of range, leads a-1=-
        """
    )
}

@Test func aClientThatDoesNotComeBackDelaysNobodyForLong() {
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 50ms
        a: is a-1 in generation 1 of range, leads a-1=-
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        a: gets p0
        group: settled in 50 ms, members 0 → 1
        > b joins
        b: told to be b-2
        > a joins
        group: rebalances, a-1 leads the group and joined again
        timer: join in 60000 ms
        > wait 10s
        a: is a-1 in generation 2 of range, leads a-1=-
        > b joins   # too late with that id
        b: join fails with UNKNOWN_MEMBER_ID
        """
    )
}

@Test func aMemberThatSaysTooMuchOfItselfIsRefused() {
    var request = JoinRequest()
    request.sessionTimeoutMilliseconds = 10_000
    request.protocolType = "consumer"
    func answer() -> ErrorCode? {
        var group = ClassicGroup(id: GroupID("g"), now: .none)
        var step = GroupStep(now: ClassicHost().time)
        group.join(request, ReplyToken(rawValue: 1), ClassicGroupSettings(), &step)
        for case .reply(_, .join(let reply)) in step.effects { return reply.error }
        return nil
    }
    request.protocols = [JoinProtocol(name: "range", metadata: Array(repeating: 0, count: 64 * 1024))]
    #expect(answer() == .memberIdRequired)
    request.protocols.append(JoinProtocol(name: "sticky", metadata: [0]))
    #expect(answer() == .invalidRequest)
    request.protocols = (0..<17).map { JoinProtocol(name: "p\($0)", metadata: []) }
    #expect(answer() == .invalidRequest)
    request.protocols = [JoinProtocol(name: String(repeating: "x", count: 1025), metadata: [])]
    #expect(answer() == .invalidRequest)
}

@Test func idsThatNobodyComesBackForAreForgotten() {
    var host = ClassicHost()
    for number in 0..<10_100 {
        var request = JoinRequest()
        request.sessionTimeoutMilliseconds = 10_000
        request.protocolType = "consumer"
        request.protocols = [JoinProtocol(name: "range", metadata: [])]
        request.freshMemberID = MemberID("m-\(number)")
        let token = host.nextToken()
        host.handle { group, settings, step in group.join(request, token, settings, &step) }
        _ = host.takeEffects()
    }
    #expect(host.timers.count == 10_000)
    host.advance(to: 10_000)
    #expect(host.timers.isEmpty)
    #expect(host.group.isUnused)
}
