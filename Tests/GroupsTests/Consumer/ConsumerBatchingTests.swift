import Groups
import Model
import Testing

/// Four partitions of a thousand: such a group waits for four seconds.
private var patient: ConsumerGroupSettings {
    var settings = ConsumerGroupSettings()
    settings.assignmentInterval = .seconds(1000)
    return settings
}

@Test func whatChangesSoonAfterAnAssignmentIsDividedTogether() {
    ConsumerScript.check(
        """
        > topic t 4
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1 t-2 t-3
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, current b
        b: epoch 1, is to hold nothing
        > c joins t
        group: rebalances, c joined
        log: member c, epoch 3, current c
        c: epoch 1, is to hold nothing
        > c leaves
        group: rebalances, c left
        log: -current c, -target c, -member c, epoch 4
        c: gone
        > wait 3999ms
        > b heartbeats
        b: epoch 1
        > describe
        Assigning 4 1 uniform
        a stable 1 has t-0 t-1 t-2 t-3, to have t-0 t-1 t-2 t-3
        b stable 1 has nothing, to have nothing
        > wait 1ms
        > b heartbeats
        log: target a, target b, targets of 4, current b
        b: epoch 4
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0 t-1
        > a heartbeats
        log: current a
        a: epoch 4
        > b heartbeats
        group: settled in epoch 4
        log: current b
        b: epoch 4, is to hold t-2 t-3
        """,
        settings: patient
    )
}

@Test func whoIsAloneWaitsForNobody() {
    ConsumerScript.check(
        """
        > topic t 4
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1 t-2 t-3
        > a leaves
        group: rebalances, a left
        group: settled in epoch 2
        log: -current a, -target a, -member a, epoch 2
        a: gone
        > b joins t
        group: rebalances, b joined
        group: settled in epoch 3
        log: member b, epoch 3, target b, targets of 3, current b
        b: epoch 3, is to hold t-0 t-1 t-2 t-3
        """,
        settings: patient
    )
}

@Test func aRestartedCoordinatorDividesAtOnceWhatWasToBeDivided() {
    ConsumerScript.check(
        """
        > topic t 4
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1 t-2 t-3
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, current b
        b: epoch 1, is to hold nothing
        > restart
        > b heartbeats
        log: target a, target b, targets of 2, current b
        b: epoch 2
        """,
        settings: patient
    )
}

/// How soon members are told to heartbeat again.
struct ConsumerHeartbeatIntervalTests {
    private var host = ConsumerHost()

    private mutating func interval(_ name: String, _ epoch: MemberEpoch, at milliseconds: Int) -> Int32? {
        host.advance(to: milliseconds)
        var request = ConsumerHeartbeat()
        request.memberID = MemberID(name)
        request.epoch = epoch
        request.topics = ["t"]
        request.rebalanceTimeoutMilliseconds = 60_000
        request.owned = PartitionSet()
        let token = host.nextToken()
        host.handle { group, topics, settings, step in group.heartbeat(request, token, topics, settings, &step) }
        for case .reply(token, .consumerHeartbeat(let reply)) in host.takeEffects() {
            return reply.heartbeatIntervalMilliseconds
        }
        return nil
    }

    @Test mutating func theLongerAGroupHasBeenAsItIsTheLater() {
        #expect(interval("a", .joining, at: 0) == 100)
        #expect(interval("a", MemberEpoch(1), at: 100) == 100)
        #expect(interval("a", MemberEpoch(1), at: 700) == 700)
        #expect(interval("a", MemberEpoch(1), at: 20_000) == 5000)
        #expect(interval("b", .joining, at: 20_000) == 100)
        // A coordinator that was started anew does not know how long it has been so, only that it is not settled.
        host.restart()
        #expect(interval("b", MemberEpoch(2), at: 20_100) == 100)
    }

    @Test mutating func aLargeGroupHeartbeatsNoMoreOftenThanItCan() {
        for number in 1...300 { #expect(interval("m\(number)", .joining, at: 0) == Int32(max(number, 100))) }
        host.settings.heartbeatIntervalMilliseconds = 50
        #expect(interval("m1", MemberEpoch(1), at: 0) == 50)
    }
}
