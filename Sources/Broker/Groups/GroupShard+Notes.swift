import Groups
import Logging
import Model

/// What people are told of the groups.
extension GroupShard {
    func tell(_ note: GroupNote, of group: GroupID) {
        let (log, health) = (environment.log, environment.health)
        switch note {
        case .rebalanceBegan(let reason): log.info("group \(group) rebalances: \(reason)")
        case .rebalanceCompleted(let rebalance):
            let moved = rebalance.partitionsMoved.map { ", \($0) partitions moved" } ?? ""
            log.info(
                """
                group \(group) has generation \(rebalance.generation) after \(rebalance.duration), members \
                \(rebalance.membersBefore) → \(rebalance.membersAfter)\(moved)
                """
            )
        case .stormBegan(let count, let time, let reason):
            let seconds = time.components.seconds
            let text = "rebalances again and again: \(count) times within \(seconds) s, the last time because \(reason)"
            // A group whose storm comes back soon is told of once.
            let isNews = environment.complaints.admit(group.rawValue, now: environment.time.instant) != nil
            health.report(.groupStorm, group.rawValue, reason: text)
            if isNews { log.warning("group \(group) \(text)") }
        case .stormEnded: health.clear(.groupStorm, group.rawValue)
        }
    }
}
