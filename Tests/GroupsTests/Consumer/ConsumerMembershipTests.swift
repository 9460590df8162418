import Groups
import Testing

@Test func aFirstMemberGetsEverythingWithItsFirstHeartbeat() {
    ConsumerScript.check(
        """
        > topic t 3
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1 t-2
        > describe
        Stable 1 1 uniform
        a stable 1 has t-0 t-1 t-2, to have t-0 t-1 t-2
        """
    )
}

@Test func partitionsAreGivenBackBeforeTheyAreGivenAway() {
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
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > b heartbeats
        log: current b
        b: epoch 2
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0 t-1
        > b heartbeats
        b: epoch 2
        > describe
        Reconciling 2 2 uniform
        a unrevoked 1 has t-0 t-1, gives back t-2 t-3, to have t-0 t-1
        b unreleased 2 has nothing, to have t-2 t-3
        > a heartbeats
        log: current a
        a: epoch 2
        > b heartbeats
        group: settled in epoch 2
        log: current b
        b: epoch 2, is to hold t-2 t-3
        > describe
        Stable 2 2 uniform
        a stable 2 has t-0 t-1, to have t-0 t-1
        b stable 2 has t-2 t-3, to have t-2 t-3
        """
    )
}

@Test func aMemberThatKeepsWhatItIsToGiveBackIsPutOutAfterItsRebalanceTimeout() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t rebalance=20s
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0
        > wait 10s
        > a heartbeats holding t-0 t-1
        a: epoch 1
        > b heartbeats
        log: current b
        b: epoch 2
        > wait 5s
        > a heartbeats silently
        a: epoch 1
        > wait 5s
        group: rebalances, a did not give back its partitions in time
        log: -current a, -target a, -member a, epoch 3
        > a heartbeats
        a: refused with UNKNOWN_MEMBER_ID
        > b heartbeats
        group: settled in epoch 3
        log: target b, targets of 3, current b
        b: epoch 3, is to hold t-0 t-1
        """
    )
}

@Test func aMemberThatIsNotHeardOfIsPutOutAfterItsSessionTimeout() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > wait 44s
        > a heartbeats
        a: epoch 1
        > wait 45s
        group: rebalances, a was not heard of within its session timeout
        group: settled in epoch 2
        log: -current a, -target a, -member a, epoch 2
        > describe
        Empty 2 1 uniform
        > a heartbeats
        a: refused with UNKNOWN_MEMBER_ID
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 3
        log: member a, epoch 3, target a, targets of 3, current a
        a: epoch 3, is to hold t-0 t-1
        """
    )
}

@Test func aLostAnswerIsGivenAgain() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0
        > a heartbeats
        log: current a
        a: epoch 2
        > a heartbeats epoch=1 holding t-0
        a: epoch 2
        > a heartbeats epoch=1 holding t-0 t-1
        a: refused with FENCED_MEMBER_EPOCH
        > a heartbeats epoch=1 silently
        a: refused with FENCED_MEMBER_EPOCH
        > a heartbeats epoch=9
        a: refused with FENCED_MEMBER_EPOCH
        """
    )
}

@Test func aFencedMemberJoinsAgainUnderItsID() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0
        > a heartbeats epoch=0
        a: refused with INVALID_REQUEST
        > a joins t
        log: current a
        a: epoch 2, is to hold t-0
        > b heartbeats
        group: settled in epoch 2
        log: current b
        b: epoch 2, is to hold t-1
        """
    )
}

@Test func aMemberThatLeavesFreesWhatItHeld() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0
        > a heartbeats
        log: current a
        a: epoch 2
        > b heartbeats
        group: settled in epoch 2
        log: current b
        b: epoch 2, is to hold t-1
        > a leaves
        group: rebalances, a left
        log: -current a, -target a, -member a, epoch 3
        a: gone
        > a leaves
        a: refused with UNKNOWN_MEMBER_ID
        > b heartbeats
        group: settled in epoch 3
        log: target b, targets of 3, current b
        b: epoch 3, is to hold t-0 t-1
        > b leaves
        group: rebalances, b left
        group: settled in epoch 4
        log: -current b, -target b, -member b, epoch 4
        b: gone
        > describe
        Empty 4 3 uniform
        """
    )
}

@Test func whoIsNoMemberHearsSo() {
    ConsumerScript.check(
        """
        > a heartbeats epoch=1
        a: refused with INVALID_REQUEST
        > a joins t as=x
        group: rebalances, x joined
        group: settled in epoch 1
        log: member x, epoch 1, targets of 1, current x
        a: epoch 1, is to hold nothing
        > b heartbeats epoch=1
        b: refused with INVALID_REQUEST
        > b leaves
        b: refused with INVALID_REQUEST
        """
    )
}

@Test func aFullGroupTakesNobodyMore() {
    var settings = ConsumerGroupSettings()
    settings.maximumMembers = 1
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t
        b: refused with GROUP_MAX_SIZE_REACHED
        > a joins t
        a: epoch 1, is to hold t-0 t-1
        > a leaves
        group: rebalances, a left
        group: settled in epoch 2
        log: -current a, -target a, -member a, epoch 2
        a: gone
        > b joins t
        group: rebalances, b joined
        group: settled in epoch 3
        log: member b, epoch 3, target b, targets of 3, current b
        b: epoch 3, is to hold t-0 t-1
        """,
        settings: settings
    )
}

@Test func anOldClientIsGivenItsID() {
    ConsumerScript.check(
        """
        > topic t 1
        > a joins t version=0
        group: rebalances, a-given joined
        group: settled in epoch 1
        log: member a-given, epoch 1, target a-given, targets of 1, current a-given
        a: epoch 1, is to hold t-0
        > a heartbeats
        a: epoch 1
        > a leaves
        group: rebalances, a-given left
        group: settled in epoch 2
        log: -current a-given, -target a-given, -member a-given, epoch 2
        a: gone
        """
    )
}

@Test func aFullHeartbeatIsAnsweredInFull() {
    ConsumerScript.check(
        """
        > topic t 1
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0
        > a heartbeats
        a: epoch 1
        > a heartbeats fully
        a: epoch 1, is to hold t-0
        """
    )
}

@Test func assignorsAreChosenByMostAndMustBeKnown() {
    ConsumerScript.check(
        """
        > topic t 2
        > topic u 2
        > a joins t,u assignor=sticky
        a: refused with UNSUPPORTED_ASSIGNOR
        > a joins t,u assignor=range
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1 u-0 u-1
        > b joins t,u
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > describe
        Reconciling 2 2 range
        a stable 1 has t-0 t-1 u-0 u-1, to have t-0 u-0
        b unreleased 2 has nothing, to have t-1 u-1
        """
    )
}
