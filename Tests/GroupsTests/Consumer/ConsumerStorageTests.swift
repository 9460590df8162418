import Groups
import Testing

@Test func answersWaitUntilTheirDecisionIsStored() {
    ConsumerScript.check(
        """
        > topic t 2
        > log stalls
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        > describe
        Empty 0 0 uniform
        > log stores one batch
        a: epoch 1, is to hold t-0 t-1
        > log recovers
        b: epoch 2, is to hold nothing
        """
    )
}

@Test func aDecisionThatCannotBeStoredIsTakenBackWithAllThatRestOnIt() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > log stalls
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        > c joins t
        group: rebalances, c joined
        log: member c, epoch 3, targets of 3, current c
        > log fails COORDINATOR_NOT_AVAILABLE
        b: refused with COORDINATOR_NOT_AVAILABLE
        c: refused with COORDINATOR_NOT_AVAILABLE
        > describe
        Stable 1 1 uniform
        a stable 1 has t-0 t-1, to have t-0 t-1
        > wait 45s
        group: rebalances, a was not heard of within its session timeout
        group: settled in epoch 2
        log: -current a, -target a, -member a, epoch 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 3
        log: member a, epoch 3, target a, targets of 3, current a
        a: epoch 3, is to hold t-0 t-1
        > describe
        Stable 3 3 uniform
        a stable 3 has t-0 t-1, to have t-0 t-1
        """
    )
}

@Test func aRestartedCoordinatorGoesOnWhereTheLogEnds() {
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
        > restart
        > a heartbeats
        log: current a
        a: epoch 2
        > b heartbeats
        log: current b
        b: epoch 2, is to hold t-1
        > describe
        Stable 2 2 uniform
        a stable 2 has t-0, to have t-0
        b stable 2 has t-1, to have t-1
        > restart
        > wait 45s
        group: rebalances, a was not heard of within its session timeout
        log: -current a, -target a, -member a, epoch 3
        group: rebalances, b was not heard of within its session timeout
        group: settled in epoch 4
        log: -current b, -target b, -member b, epoch 4
        > describe
        Empty 4 2 uniform
        """
    )
}

@Test func aCommitIsGoodSinceThePartitionWasGiven() {
    ConsumerScript.check(
        """
        > topic t 2
        > x commits t-0 epoch=-1
        x: commit accepted
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > a commits t-0
        a: commit accepted
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > x commits t-0 epoch=-1
        x: commit fails with UNKNOWN_MEMBER_ID
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0
        > a commits t-0 t-1
        a: commit accepted
        > a heartbeats
        log: current a
        a: epoch 2
        > a commits t-0 epoch=1
        a: commit accepted
        > a commits t-1 epoch=1
        a: commit fails with STALE_MEMBER_EPOCH
        > a commits t-0 epoch=3
        a: commit fails with STALE_MEMBER_EPOCH
        > a commits t-0 version=8
        a: commit fails with UNSUPPORTED_VERSION
        > b heartbeats
        group: settled in epoch 2
        log: current b
        b: epoch 2, is to hold t-1
        > b commits t-1
        b: commit accepted
        > b commits t-1 epoch=1
        b: commit fails with STALE_MEMBER_EPOCH
        """
    )
}

@Test func aDecisionThatTheLogRefusesIsTakenBackAloneWhileOthersAreOnTheirWay() {
    ConsumerScript.check(
        """
        > topic t 2
        > log stalls
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        > log refuses KAFKA_STORAGE_ERROR
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: refused with KAFKA_STORAGE_ERROR
        > log recovers
        a: epoch 1, is to hold t-0 t-1
        > describe
        Stable 1 1 uniform
        a stable 1 has t-0 t-1, to have t-0 t-1
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        """
    )
}
