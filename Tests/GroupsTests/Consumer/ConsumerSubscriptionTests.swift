import Groups
import Testing

@Test func newPartitionsAreAssignedWithTheNextHeartbeat() {
    ConsumerScript.check(
        """
        > topic t 1
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0
        > topic t 2
        > a heartbeats
        group: rebalances, a was the first to heartbeat after topics had changed
        group: settled in epoch 2
        log: epoch 2, target a, targets of 2, current a
        a: epoch 2, is to hold t-0 t-1
        > topic u 2
        > a heartbeats
        a: epoch 2
        """
    )
}

@Test func aTopicThatIsDeletedAndMadeAnewIsAnother() {
    ConsumerScript.check(
        """
        > topic t 1
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0
        > topic t deleted
        > a heartbeats
        group: rebalances, a was the first to heartbeat after topics had changed
        log: epoch 2, target a, targets of 2, current a
        a: epoch 1, is to hold nothing
        > a heartbeats
        group: settled in epoch 2
        log: current a
        a: epoch 2
        > topic t 1
        > a heartbeats
        group: rebalances, a was the first to heartbeat after topics had changed
        group: settled in epoch 3
        log: epoch 3, target a, targets of 3, current a
        a: epoch 3, is to hold t-0
        """
    )
}

@Test func aChangedSubscriptionGivesBackWhatIsNotReadAnyMore() {
    ConsumerScript.check(
        """
        > topic t 1
        > topic u 1
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0
        > a heartbeats reading u
        group: rebalances, a changed its subscription
        log: member a, epoch 2, target a, targets of 2, current a
        a: epoch 1, is to hold nothing
        > a heartbeats
        group: settled in epoch 2
        log: current a
        a: epoch 2, is to hold u-0
        > a heartbeats reading t,u
        group: rebalances, a changed its subscription
        group: settled in epoch 3
        log: member a, epoch 3, target a, targets of 3, current a
        a: epoch 3, is to hold t-0 u-0
        """
    )
}

@Test func aRegularExpressionFollowsTheTopics() {
    ConsumerScript.check(
        """
        > topic orders.1 1
        > topic payments 1
        > a joins regex=orders.*
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, pattern orders.*, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold orders.1-0
        > topic orders.2 1
        > a heartbeats
        group: rebalances, a was the first to heartbeat after topics had changed
        group: settled in epoch 2
        log: pattern orders.*, epoch 2, target a, targets of 2, current a
        a: epoch 2, is to hold orders.1-0 orders.2-0
        > a heartbeats regex=pay.*
        group: rebalances, a changed its subscription
        log: member a, -pattern orders.*, pattern pay.*, epoch 3, target a, targets of 3, current a
        a: epoch 2, is to hold nothing
        > a heartbeats
        group: settled in epoch 3
        log: current a
        a: epoch 3, is to hold payments-0
        > a leaves
        group: rebalances, a left
        group: settled in epoch 4
        log: -current a, -target a, -member a, -pattern pay.*, epoch 4
        a: gone
        > describe
        Empty 4 3 uniform
        """
    )
}

@Test func membersOfDifferentTopicsAreEachGivenTheirOwn() {
    ConsumerScript.check(
        """
        > topic t 2
        > topic u 2
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0 t-1
        > b joins t,u
        group: rebalances, b joined
        log: member b, epoch 2, target b, targets of 2, current b
        b: epoch 2, is to hold u-0 u-1
        > a heartbeats
        group: settled in epoch 2
        log: current a
        a: epoch 2
        > b heartbeats
        b: epoch 2
        > describe
        Stable 2 2 uniform
        a stable 2 has t-0 t-1, to have t-0 t-1
        b stable 2 has u-0 u-1, to have u-0 u-1
        """
    )
}

@Test func whatIsNoRegularExpressionIsRefused() {
    ConsumerScript.check(
        """
        > topic t 1
        > a joins regex=(t
        a: refused with INVALID_REGULAR_EXPRESSION
        > a joins t
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, target a, targets of 1, current a
        a: epoch 1, is to hold t-0
        > a heartbeats regex=(t
        a: refused with INVALID_REGULAR_EXPRESSION
        > a heartbeats
        a: epoch 1
        """
    )
}

@Test func aMemberWithoutTopicsHoldsNothing() {
    ConsumerScript.check(
        """
        > a joins
        group: rebalances, a joined
        group: settled in epoch 1
        log: member a, epoch 1, targets of 1, current a
        a: epoch 1, is to hold nothing
        > b joins t
        group: rebalances, b joined
        log: member b, epoch 2, targets of 2, current b
        b: epoch 2, is to hold nothing
        > describe
        Reconciling 2 2 uniform
        a stable 1 has nothing, to have nothing
        b stable 2 has nothing, to have nothing
        """
    )
}
