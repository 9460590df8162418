import Glibc

extension BrokerKeys {
    /// Identity, listeners, sockets and what a connection may ask for.
    static let network: [ConfigKey] =
        [
            ConfigKey(
                "node.id",
                .int,
                default: "1",
                .atLeast(0),
                "The broker's number, which clients see in metadata."
            ),
            ConfigKey(
                "broker.rack",
                .string,
                default: nil,
                .any,
                "Name of the rack or zone the broker stands in, which clients see in metadata."
            ),
            ConfigKey(
                "listeners",
                .list,
                default: "PLAINTEXT://127.0.0.1:9092",
                .custom(Listeners.problem(with:)),
                "Addresses the broker listens on, as NAME://host:port; an empty host is every interface, port 0 any free port."
            ),
            ConfigKey(
                "advertised.listeners",
                .list,
                default: nil,
                .custom(Listeners.advertisedProblem(with:)),
                update: .perBroker,
                "Addresses clients are told to connect to, as NAME://host:port; a listener without one tells each client the "
                    + "address it has connected to."
            ),
            ConfigKey(
                "listener.security.protocol.map",
                .list,
                default: "PLAINTEXT:PLAINTEXT",
                .custom(Listeners.protocolMapProblem(with:)),
                "Security protocol of each listener whose name is not one itself, as NAME:PROTOCOL."
            ),
            // Not one per processor: the kernel's part of the network and of the disk, syncs and compaction run on the rest,
            // and the fewer the loops, the more often a producer and the consumer that waits for it share one: waking a
            // thread takes a fifth of a record's way from end to end.
            ConfigKey(
                "num.network.threads",
                .int,
                default: String(max(1, processors / 2)),
                defaultDescription: "one for every two processors",
                .between(1, 1024),
                "Number of event loops that serve connections; by default one for every two processors."
            ),
            ConfigKey(
                "num.io.threads",
                .int,
                default: "8",
                .between(1, 1024),
                "Number of threads for what has to wait for a disk, which event loops never do."
            ),
            // 512 KiB: with the kernel's default of 16 KiB a sendfile of 4 MiB cost four times the processor time of one
            // with a buffer of 256 to 512 KiB, and Kafka's 100 KiB lies between the two.
            ConfigKey(
                "socket.send.buffer.bytes",
                .int,
                default: "524288",
                .custom(bufferProblem),
                "Size in bytes of a socket's send buffer, SO_SNDBUF; -1 leaves it to the system."
            ),
            // Left to the system: it grows the buffer with what the client sends. With Kafka's 100 KiB a producer can send
            // little more than one packet before it has to wait, and a gigabyte cost the broker 1.7 times as much.
            ConfigKey(
                "socket.receive.buffer.bytes",
                .int,
                default: "-1",
                .custom(bufferProblem),
                "Size in bytes of a socket's receive buffer, SO_RCVBUF; -1 leaves it to the system."
            ),
            // With Kafka's 50, of a thousand clients that connect at once some wait for seconds until they try again.
            ConfigKey(
                "socket.listen.backlog.size",
                .int,
                default: "4096",
                .atLeast(1),
                "Number of connections the system accepts on behalf of a busy broker before it turns further ones away."
            ),
            ConfigKey(
                "socket.request.max.bytes",
                .int,
                default: "104857600",
                .atLeast(1),
                "Size in bytes of the largest request; a client that sends a larger one is disconnected."
            ),
            // Kafka's -1 is no limit. A broker that cannot run out of memory is worth more than the default's name.
            ConfigKey(
                "queued.max.request.bytes",
                .long,
                default: "536870912",
                .atLeast(-1),
                "Bytes of requests held in memory at which the broker stops reading sockets; -1 is no limit."
            ),
        ] + limits

    private static let limits: [ConfigKey] = [
        ConfigKey(
            "connections.max.idle.ms",
            .long,
            default: "600000",
            .atLeast(-1),
            "Milliseconds without a request after which a connection is closed; -1 is never."
        ),
        ConfigKey(
            "max.connections",
            .int,
            default: "2147483647",
            .atLeast(0),
            update: .clusterWide,
            "Number of connections the broker holds open at once."
        ),
        ConfigKey(
            "max.connections.per.ip",
            .int,
            default: "2147483647",
            .atLeast(0),
            update: .clusterWide,
            "Number of connections the broker holds open at once from one address."
        ),
        ConfigKey(
            "max.incremental.fetch.session.cache.slots",
            .int,
            default: "1000",
            .atLeast(0),
            "Number of incremental fetch sessions the broker remembers; further clients fetch without one."
        ),
        ConfigKey(
            "fetch.max.bytes",
            .int,
            default: "57671680",
            .atLeast(1024),
            "Bytes of records in one fetch response at most, whatever the client allows."
        ),
        ConfigKey(
            "request.timeout.ms",
            .int,
            default: "30000",
            .atLeast(1),
            "Milliseconds a request that has to wait may wait, unless it names a time of its own."
        ),
        ConfigKey(
            "max.request.partition.size.limit",
            .int,
            default: "2000",
            .atLeast(1),
            "Number of partitions in one DescribeTopicPartitions response at most."
        ),
    ]

    /// How many processors are there.
    static let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    @Sendable
    private static func bufferProblem(_ text: String) -> String? {
        guard let bytes = Int64(text), bytes == -1 || bytes > 0 else { return "Value must be positive, or -1" }
        return nil
    }
}
