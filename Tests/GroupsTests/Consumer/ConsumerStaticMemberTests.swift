import Groups
import Testing

@Test func aStaticMemberThatPausesKeepsItsPlace() {
    ConsumerScript.check(
        """
        > topic t 4
        > a joins t static=i1
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1 t-2 t-3
        > b joins t static=i2
        group: rebalances, b joined
        log: member b, epoch 2, target a, target b, targets of 2, current b
        b: epoch 2, is to hold nothing
        > a heartbeats
        log: current a
        a: epoch 1, is to hold t-0 t-1
        > a heartbeats
        log: current a
        a: epoch 2
        > b heartbeats
        group: settled in epoch 2
        log: current b
        b: epoch 2, is to hold t-2 t-3
        > b pauses
        log: current b
        b: gone
        > a heartbeats
        a: epoch 2
        > c joins t static=i2
        log: -current b, -target b, -member b, member c, target c, current c
        c: epoch 2, is to hold t-2 t-3
        > a heartbeats
        a: epoch 2
        > describe
        Stable 2 2 uniform
        a (i1) stable 2 has t-0 t-1, to have t-0 t-1
        c (i2) stable 2 has t-2 t-3, to have t-2 t-3
        """
    )
}

@Test func aStaticMemberThatDoesNotComeBackIsPutOut() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t static=i1
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > a pauses
        log: current a
        a: gone
        > wait 45s
        group: rebalances, a was not heard of within its session timeout
        group: settled in epoch 2
        log: -current a, -target a, -member a, epoch 2
        > describe
        Empty 2 1 uniform
        """
    )
}

@Test func anInstanceInUseIsNotTakenOver() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t static=i1
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t static=i1
        b: refused with UNRELEASED_INSTANCE_ID
        > a joins t static=i1
        a: epoch 1, is to hold t-0 t-1
        > a pauses
        log: current a
        a: gone
        > b joins t static=i1
        log: -current a, -target a, -member a, member b, target b, current b
        b: epoch 1, is to hold t-0 t-1
        > a heartbeats
        a: refused with FENCED_INSTANCE_ID
        > a leaves
        a: refused with FENCED_INSTANCE_ID
        > a pauses
        a: refused with FENCED_INSTANCE_ID
        """
    )
}

@Test func anUnknownInstanceHearsSo() {
    ConsumerScript.check(
        """
        > topic t 2
        > a joins t static=i1
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > wait 45s
        group: rebalances, a was not heard of within its session timeout
        group: settled in epoch 2
        log: -current a, -target a, -member a, epoch 2
        > a heartbeats
        a: refused with UNKNOWN_MEMBER_ID
        > a leaves
        a: refused with UNKNOWN_MEMBER_ID
        """
    )
}
