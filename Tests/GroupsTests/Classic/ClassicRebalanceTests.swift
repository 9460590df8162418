import Groups
import Testing

/// A stable group of two, `a` leading.
private let two = """
    > a joins version=0
    group: rebalances, a-1 joined
    timer: join in 30 ms
    > b joins version=0
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

@Test func assignmentsGoOutOnlyOnceTheyAreStored() {
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 50ms
        a: is a-1 in generation 1 of range, leads a-1=-
        > log stalls
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        > a commits
        a: commit fails with REBALANCE_IN_PROGRESS
        > log recovers
        a: gets p0
        group: settled in 50 ms, members 0 → 1
        > a commits
        a: commit accepted
        """
    )
}

@Test func assignmentsThatCannotBeStoredAreMadeAnew() {
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 50ms
        a: is a-1 in generation 1 of range, leads a-1=-
        > log stalls
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        > log fails NOT_COORDINATOR
        a: sync fails with NOT_COORDINATOR
        group: rebalances, a-1 handed in assignments that could not be stored
        timer: join in 60000 ms
        > a joins
        a: is a-1 in generation 2 of range, leads a-1=-
        > a syncs a=p0
        log: generation 2 of range, led by a-1 a-1=p0
        a: gets p0
        group: settled in 50 ms, members 0 → 1
        """
    )
}

@Test func aGenerationThatIsOvertakenWhileItIsStoredIsNotGivenOut() {
    ClassicScript.check(
        two + """
            > c joins version=0
            group: rebalances, c-3 joined
            timer: join in 60000 ms
            > a joins
            > b joins
            a: is a-1 in generation 2 of range, leads a-1=- b-2=- c-3=-
            b: is b-2 in generation 2 of range, follows a-1
            c: is c-3 in generation 2 of range, follows a-1
            > log stalls
            > c syncs
            > a syncs a=p0 b=p1 c=p2
            log: generation 2 of range, led by a-1 a-1=p0 b-2=p1 c-3=p2
            > b leaves
            b: leave accepted
            a: sync fails with REBALANCE_IN_PROGRESS
            c: sync fails with REBALANCE_IN_PROGRESS
            group: rebalances, b-2 left
            timer: join in 60000 ms
            > log recovers
            > describe
            PreparingRebalance consumer
            a-1 nothing nothing
            c-3 nothing nothing
            """
    )
}

@Test func theOutcomeOfAnOvertakenGenerationIsNotTakenForTheNewOne() {
    ClassicScript.check(
        """
        > a joins version=0
        group: rebalances, a-1 joined
        timer: join in 30 ms
        > wait 50ms
        a: is a-1 in generation 1 of range, leads a-1=-
        > log stalls
        > a syncs a=p0
        log: generation 1 of range, led by a-1 a-1=p0
        > a joins range:other
        a: sync fails with REBALANCE_IN_PROGRESS
        group: rebalances, a-1 changed its subscription
        a: is a-1 in generation 2 of range, leads a-1=other
        > a syncs a=p1
        log: generation 2 of range, led by a-1 a-1=p1
        > log stores one batch
        > log stores one batch
        a: gets p1
        group: settled in 50 ms, members 0 → 1
        """
    )
}

@Test func oldGenerationsAreFenced() {
    ClassicScript.check(
        two + """
            > a commits generation=0
            a: commit fails with ILLEGAL_GENERATION
            > a commits generation=2
            a: commit fails with ILLEGAL_GENERATION
            > admin commits generation=-1   # not while there are members
            admin: commit fails with UNKNOWN_MEMBER_ID
            > c joins version=0
            group: rebalances, c-3 joined
            timer: join in 60000 ms
            > b commits   # before it gives its partitions up
            b: commit accepted
            > b heartbeats
            b: heartbeat fails with REBALANCE_IN_PROGRESS
            > b joins
            > wait 10s   # a never came back
            b: is b-2 in generation 2 of range, leads b-2=- c-3=-
            c: is c-3 in generation 2 of range, follows b-2
            > a heartbeats
            a: heartbeat fails with UNKNOWN_MEMBER_ID
            > a commits
            a: commit fails with UNKNOWN_MEMBER_ID
            > a syncs
            a: sync fails with UNKNOWN_MEMBER_ID
            """
    )
}

@Test func aMemberThatIsNotHeardOfIsOut() {
    ClassicScript.check(
        two + """
            > wait 6s
            > a heartbeats
            a: heartbeat heard
            > wait 4s
            group: rebalances, b-2 was not heard of within its session timeout
            timer: join in 60000 ms
            > a heartbeats
            a: heartbeat fails with REBALANCE_IN_PROGRESS
            > a joins
            a: is a-1 in generation 2 of range, leads a-1=-
            > wait 10s
            group: rebalances, a-1 was not heard of within its session timeout
            group: settled in 10000 ms, members 2 → 0
            log: generation 3 of -, empty
            > describe
            Empty consumer
            """
    )
}

@Test func waitingForTheOthersIsASignOfLife() {
    ClassicScript.check(
        two + """
            > a joins
            group: rebalances, a-1 leads the group and joined again
            timer: join in 60000 ms
            > wait 8s
            > b heartbeats
            b: heartbeat fails with REBALANCE_IN_PROGRESS
            > wait 8s
            > b joins
            a: is a-1 in generation 2 of range, leads a-1=- b-2=-
            b: is b-2 in generation 2 of range, follows a-1
            > b syncs
            > wait 9s
            > a heartbeats
            a: heartbeat heard
            > wait 9s
            > a syncs a=p0 b=p1
            log: generation 2 of range, led by a-1 a-1=p0 b-2=p1
            a: gets p0
            b: gets p1
            group: settled in 34000 ms, members 2 → 2
            > wait 9s
            > b heartbeats
            b: heartbeat heard
            """
    )
}

@Test func whoeverFallsSilentAfterAWaitIsOut() {
    ClassicScript.check(
        two + """
            > a joins
            group: rebalances, a-1 leads the group and joined again
            timer: join in 60000 ms
            > b joins
            a: is a-1 in generation 2 of range, leads a-1=- b-2=-
            b: is b-2 in generation 2 of range, follows a-1
            > b syncs
            > wait 9s
            > a heartbeats
            a: heartbeat heard
            > wait 9s   # b's session timer has run out meanwhile, without effect
            > a syncs a=p0 b=p1
            log: generation 2 of range, led by a-1 a-1=p0 b-2=p1
            a: gets p0
            b: gets p1
            group: settled in 18000 ms, members 2 → 2
            > wait 9s
            > a heartbeats
            a: heartbeat heard
            > wait 1s
            group: rebalances, b-2 was not heard of within its session timeout
            timer: join in 60000 ms
            """
    )
}

@Test func whoeverHeartbeatsButDoesNotJoinIsOut() {
    ClassicScript.check(
        two + """
            > a joins session=60s rebalance=15s
            group: rebalances, a-1 leads the group and joined again
            timer: join in 60000 ms
            > b joins session=60s rebalance=15s
            a: is a-1 in generation 2 of range, leads a-1=- b-2=-
            b: is b-2 in generation 2 of range, follows a-1
            > b syncs
            > a syncs a=p0 b=p1
            log: generation 2 of range, led by a-1 a-1=p0 b-2=p1
            a: gets p0
            b: gets p1
            group: settled in 0 ms, members 2 → 2
            > a joins
            group: rebalances, a-1 leads the group and joined again
            timer: join in 15000 ms
            > wait 14s
            > b heartbeats
            b: heartbeat fails with REBALANCE_IN_PROGRESS
            > wait 1s
            a: is a-1 in generation 3 of range, leads a-1=-
            """
    )
}

@Test func aLeaderThatDoesNotAssignIsOut() {
    ClassicScript.check(
        two + """
            > a joins session=100s
            group: rebalances, a-1 leads the group and joined again
            timer: join in 60000 ms
            > b joins
            a: is a-1 in generation 2 of range, leads a-1=- b-2=-
            b: is b-2 in generation 2 of range, follows a-1
            > b syncs
            > wait 60s
            b: sync fails with REBALANCE_IN_PROGRESS
            group: rebalances, a-1 did not fetch its assignment in time
            timer: join in 60000 ms
            > b joins
            b: is b-2 in generation 3 of range, leads b-2=-
            """
    )
}

@Test func whenAllLeaveTheGroupIsEmpty() {
    ClassicScript.check(
        two + """
            > a leaves
            a: leave accepted
            group: rebalances, a-1 left
            timer: join in 60000 ms
            > b leaves
            b: leave accepted
            group: settled in 0 ms, members 2 → 0
            log: generation 2 of -, empty
            > admin commits generation=-1
            admin: commit accepted
            > a joins anew type=connect version=0   # may be of another kind now
            group: rebalances, a-3 joined
            timer: join in 30 ms
            """
    )
}

@Test func anUnchangedFollowerDisturbsNobody() {
    ClassicScript.check(
        two + """
            > b joins
            b: is b-2 in generation 1 of range, follows a-1
            > b syncs
            b: gets p1
            > b joins range:other
            group: rebalances, b-2 changed its subscription
            timer: join in 60000 ms
            """
    )
}

@Test func aRestartedCoordinatorGoesOnWithTheGeneration() {
    ClassicScript.check(
        two + """
            > restart
            > describe
            Stable consumer range
            a-1 - p0
            b-2 - p1
            > a heartbeats
            a: heartbeat heard
            > b commits
            b: commit accepted
            > wait 10s
            group: rebalances, a-1 was not heard of within its session timeout
            timer: join in 60000 ms
            group: settled in 0 ms, members 2 → 0
            log: generation 2 of -, empty
            """
    )
}

@Test func aRestartedCoordinatorWithALowerLimitKeepsThoseThatJoinFirst() {
    var settings = ClassicGroupSettings()
    settings.maximumMembers = 1
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
        b: join fails with GROUP_MAX_SIZE_REACHED
        """,
        settings: settings
    )
}
