extension BrokerKeys {
    /// Idempotent producers, transactions, and consumer groups.
    ///
    /// Kafka's replication factors of the internal topics are 3; one broker can only have 1, as Kafka's own sample
    /// file for one broker says, too.
    static let coordination: [ConfigKey] = [
        ConfigKey(
            "producer.id.expiration.ms",
            .int,
            default: "86400000",
            .atLeast(1),
            update: .clusterWide,
            "Milliseconds after its last record that a partition forgets an idempotent producer."
        ),
        ConfigKey(
            "transaction.max.timeout.ms",
            .int,
            default: "900000",
            .atLeast(1),
            "Milliseconds a producer may at most ask for as its transaction timeout."
        ),
        ConfigKey(
            "transactional.id.expiration.ms",
            .int,
            default: "604800000",
            .atLeast(1),
            "Milliseconds after which an unused transactional id is forgotten.",
            missing: noTransactions
        ),
        ConfigKey(
            "transaction.state.log.num.partitions",
            .int,
            default: "50",
            .atLeast(1),
            "Number of partitions of __transaction_state.",
            missing: noTransactions
        ),
        ConfigKey(
            "transaction.state.log.replication.factor",
            .short,
            default: "1",
            .atLeast(1),
            "Number of replicas of __transaction_state.",
            missing: noTransactions
        ),
        ConfigKey(
            "transaction.state.log.min.isr",
            .int,
            default: "1",
            .atLeast(1),
            "Number of replicas in sync that a write to __transaction_state needs.",
            missing: noTransactions
        ),
    ]

    private static let noTransactions = "there are no transactions"
}
