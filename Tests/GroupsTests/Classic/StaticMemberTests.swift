import Groups
import Testing

/// A stable group of two static members, `a` leading.
private let two = """
    > a joins static=i1
    group: rebalances, a-1 joined
    timer: join in 30 ms
    > b joins static=i2
    > wait 150ms
    timer: join in 60 ms
    a: is a-1 in generation 1 of range, leads a-1=- b-2=-
    b: is b-2 in generation 1 of range, follows a-1
    > b syncs
    > a syncs a=p0 b=p1
    log: generation 1 of range, led by a-1 a-1=p0 b-2=p1
    a: gets p0
    b: gets p1
    group: settled in 150 ms, members 0 → 2

    """

@Test func aRestartedFollowerGetsItsAssignmentBackWithoutARebalance() {
    ClassicScript.check(
        two + """
            > b joins anew
            log: generation 1 of range, led by a-1 a-1=p0 b-3=p1
            b: is b-3 in generation 1 of range, follows a-1
            > b syncs
            b: gets p1
            > a heartbeats
            a: heartbeat heard
            """
    )
}

@Test func aRestartedLeaderIsToldToSkipTheAssignment() {
    ClassicScript.check(
        two + """
            > a joins anew
            log: generation 1 of range, led by a-3 a-3=p0 b-2=p1
            a: is a-3 in generation 1 of range, leads a-3=- b-2=-, nothing to assign
            > a syncs
            a: gets p0
            """
    )
}

@Test func aRestartedLeaderOfAnOldClientIsToldToFollow() {
    ClassicScript.check(
        two + """
            > a joins anew version=8
            log: generation 1 of range, led by a-3 a-3=p0 b-2=p1
            a: is a-3 in generation 1 of range, follows a-1
            > a syncs
            a: gets p0
            """
    )
}

@Test func aFormerSelfIsFenced() {
    ClassicScript.check(
        two + """
            > a2 joins static=i1
            log: generation 1 of range, led by a2-3 a2-3=p0 b-2=p1
            a2: is a2-3 in generation 1 of range, leads a2-3=- b-2=-, nothing to assign
            > a heartbeats
            a: heartbeat fails with FENCED_INSTANCE_ID
            > a commits
            a: commit fails with FENCED_INSTANCE_ID
            > a joins
            a: join fails with FENCED_INSTANCE_ID
            > a syncs
            a: sync fails with FENCED_INSTANCE_ID
            > a leaves
            a: leave fails with FENCED_INSTANCE_ID
            """
    )
}

@Test func waitingRequestsOfAFormerSelfAreAnswered() {
    ClassicScript.check(
        two + """
            > c joins version=0
            group: rebalances, c-3 joined
            timer: join in 60000 ms
            > a joins
            > a2 joins static=i1
            a: join fails with FENCED_INSTANCE_ID
            > b joins
            a2: is a2-5 in generation 2 of range, leads a2-5=- b-2=- c-3=-
            b: is b-2 in generation 2 of range, follows a2-5
            c: is c-3 in generation 2 of range, follows a2-5
            > b syncs
            > b2 joins static=i2   # the leader has been told the old id
            b: sync fails with FENCED_INSTANCE_ID
            group: rebalances, b2-7 restarted as a static member
            timer: join in 60000 ms
            """
    )
}

@Test func aRestartThatCannotBeStoredIsTakenBack() {
    ClassicScript.check(
        two + """
            > log stalls
            > b2 joins static=i2
            log: generation 1 of range, led by a-1 a-1=p0 b2-3=p1
            > log fails COORDINATOR_NOT_AVAILABLE
            b2: join fails with COORDINATOR_NOT_AVAILABLE
            > b heartbeats
            b: heartbeat heard
            """
    )
}

@Test func aRestartWithAnotherProtocolRebalances() {
    ClassicScript.check(
        """
        > a joins static=i1 range:a sticky:a
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 50ms
        a: is a-1 in generation 1 of range, leads a-1=a
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        a: gets p0
        group: settled in 50 ms, members 0 → 1
        > a joins anew sticky:a range:a
        group: rebalances, a-2 restarted as a static member
        a: is a-2 in generation 2 of sticky, leads a-2=a
        """
    )
}

@Test func aStaticMemberThatIsAwayKeepsItsPlaceUntilItsSessionEnds() {
    ClassicScript.check(
        two + """
            > c joins version=0 rebalance=5s
            group: rebalances, c-3 joined
            timer: join in 60000 ms
            > a joins rebalance=5s
            > wait 9s   # b's session ends before the others have waited for it in full
            > wait 1s
            a: is a-1 in generation 2 of range, leads a-1=- c-3=-
            c: is c-3 in generation 2 of range, follows a-1
            """
    )
}

@Test func anAdminRemovesAStaticMemberByItsName() {
    ClassicScript.check(
        two + """
            > admin removes i2
            admin: leave accepted
            group: rebalances, i2 left
            timer: join in 60000 ms
            > b heartbeats
            b: heartbeat fails with UNKNOWN_MEMBER_ID
            """
    )
}
