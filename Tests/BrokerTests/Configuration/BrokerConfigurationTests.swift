import Model
import Testing

@testable import Broker

/// A file with that text for the time of a test.
private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result {
    let fileSystem = PosixFileSystem()
    let path = "/tmp/martlet-configuration-\(UInt64.random(in: 0 ... .max)).properties"
    let file = try fileSystem.open(path, .createNew)
    defer { #expect(throws: Never.self) { try fileSystem.remove(path) } }
    try Array(text.utf8).withUnsafeBytes { bytes in
        try file.write(bytes, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero)
    }
    return try body(path)
}

private func failure(_ load: () throws(ConfigurationError) -> BrokerConfiguration) -> String? {
    do throws(ConfigurationError) {
        _ = try load()
        return nil
    } catch {
        return error.description
    }
}

@Test func unknownKeyInTheFileIsRefusedWithItsLine() throws {
    try withFile("# x\n\nnum.partition=3\n") { path in
        #expect(
            failure { () throws(ConfigurationError) in try .load(file: path) }
                == "\(path):3: Unknown broker config name: num.partition (did you mean num.partitions?)"
        )
    }
}

@Test func badValueInTheFileIsRefusedWithItsLine() throws {
    try withFile("num.partitions=none") { path in
        #expect(
            failure { () throws(ConfigurationError) in try .load(file: path) }
                == "\(path):1: Invalid value none for configuration num.partitions: Not a number of type INT"
        )
    }
}

@Test func badValueInTheFileIsRefusedEvenIfAFlagGoesBeforeIt() throws {
    try withFile("num.partitions=none") { path in
        let overrides = [ConfigOverride("num.partitions", "3")]
        #expect(failure { () throws(ConfigurationError) in try .load(file: path, overrides: overrides) } != nil)
    }
}

@Test func unknownVariableIsRefusedWithTheNearest() {
    #expect(
        failure { () throws(ConfigurationError) in try .load(environment: ["MARTLET_NUM_PARTITION": "3"]) }
            == "the variable MARTLET_NUM_PARTITION names no configuration of the broker "
            + "(did you mean MARTLET_NUM_PARTITIONS?)"
    )
}

@Test func badValueInAVariableIsRefusedWithItsName() {
    #expect(
        failure { () throws(ConfigurationError) in try .load(environment: ["MARTLET_NUM_PARTITIONS": "0"]) }
            == "MARTLET_NUM_PARTITIONS: Invalid value 0 for configuration num.partitions: Value must be at least 1"
    )
}

@Test func badFlagIsRefusedWithItsName() {
    let unknown = [ConfigOverride("log.dir", "/x")]
    #expect(
        failure { () throws(ConfigurationError) in try .load(overrides: unknown) }
            == "--set: Martlet has no log.dir: set log.dirs"
    )
    let invalid = [ConfigOverride("log.dirs", "", flag: "--data")]
    #expect(
        failure { () throws(ConfigurationError) in try .load(overrides: invalid) }
            == "--data: Invalid value  for configuration log.dirs: At least one value is needed"
    )
}

@Test func everyLaterSourceGoesBeforeTheEarlier() throws {
    try withFile("num.partitions=2\nnode.id=2\nmax.connections=2\nmax.connections.per.ip=2") { path in
        let environment = [
            "MARTLET_NODE_ID": "3", "MARTLET_MAX_CONNECTIONS": "3", "MARTLET_MAX_CONNECTIONS_PER_IP": "3",
        ]
        let overrides = [ConfigOverride("max.connections", "4"), ConfigOverride("max.connections.per.ip", "4")]
        let configuration = try BrokerConfiguration.load(file: path, environment: environment, overrides: overrides)
            .replacingDynamic(cluster: ["max.connections.per.ip": "5"], broker: [:])

        #expect(configuration.settings.numIOThreads == 8)
        #expect(configuration.settings.numPartitions == 2)
        #expect(configuration.settings.nodeID == 3)
        #expect(configuration.settings.maxConnections == 4)
        #expect(configuration.settings.maxConnectionsPerIP == 5)
        #expect(configuration.entry("num.io.threads")?.origin == .builtIn)
        #expect(configuration.entry("num.partitions")?.origin == .file(path: path, line: 1))
        #expect(configuration.entry("node.id")?.origin == .environment(variable: "MARTLET_NODE_ID"))
        #expect(configuration.entry("max.connections")?.origin == .flag("--set"))
        #expect(configuration.entry("max.connections.per.ip")?.origin == .cluster)

        let single = try configuration.replacingDynamic(
            cluster: configuration.clusterOverrides,
            broker: ["max.connections.per.ip": "6"]
        )
        #expect(single.settings.maxConnectionsPerIP == 6)
        #expect(single.entry("max.connections.per.ip")?.source == .dynamicBroker)
    }
}

@Test func lastOfTwoLinesAndOfTwoFlagsWins() throws {
    try withFile("num.partitions=2\nnum.partitions=3") { path in
        let settings = try BrokerConfiguration.load(file: path).settings
        #expect(settings.numPartitions == 3)
    }
    let overrides = [ConfigOverride("node.id", "2"), ConfigOverride("node.id", "3")]
    #expect(try BrokerConfiguration.load(overrides: overrides).settings.nodeID == 3)
}

@Test func variablesOfTheClientsAndOfOthersAreNotTheBrokers() throws {
    let environment = [
        "MARTLET_BOOTSTRAP": "x", "MARTLET_TEST_PYTHON": "x", "PATH": "/bin", "MARTLETX": "1",
        "KAFKA_NUM_PARTITIONS": "7",
    ]
    #expect(try BrokerConfiguration.load(environment: environment).settings.numPartitions == 1)
}

@Test func variablesAreNamedByKafkasRule() {
    #expect(EnvironmentNames.variable(for: "log.dirs") == "MARTLET_LOG_DIRS")
    #expect(EnvironmentNames.variable(for: "a_b-c.d") == "MARTLET_A__B___C_D")
    for key in BrokerKeys.all {
        let variable = EnvironmentNames.variable(for: key.name)
        #expect(EnvironmentNames.key(for: variable)?.name == key.name)
        #expect(!EnvironmentNames.isReserved(variable))
    }
}

@Test func storedDynamicValueThatIsNotValidIsAnError() throws {
    let configuration = try BrokerConfiguration.load()
    #expect(throws: ConfigurationError.self) {
        try configuration.replacingDynamic(cluster: ["message.max.bytes": "x"], broker: [:])
    }
}

@Test func defaultsAreThoseOfABrokerThatNeedsNoConfiguration() throws {
    let settings = try BrokerConfiguration.load().settings
    #expect(settings.nodeID == 1)
    #expect(settings.rack == nil)
    #expect(settings.listeners.map(\.endpoint.description) == ["127.0.0.1:9092"])
    #expect(settings.listeners.map(\.advertised) == [nil])
    #expect(settings.logDirectories == ["./data"])
    #expect(settings.numNetworkThreads >= 1)
    #expect(settings.socketSendBufferBytes == 512 << 10)
    #expect(settings.socketRequestMaxBytes == 100 << 20)
    #expect(settings.queuedMaxRequestBytes == 512 << 20)
    #expect(settings.connectionsMaxIdle == .seconds(600))
    #expect(settings.fetchMaxBytes == 55 << 20)
    #expect(settings.messageMaxBytes == 1_048_588)
    #expect(settings.autoCreateTopics)
    #expect(settings.producerIDExpiration == .seconds(86400))
}

@Test func minusOneIsNoLimit() throws {
    let settings = try BrokerConfiguration.load(overrides: [
        ConfigOverride("socket.send.buffer.bytes", "-1"),
        ConfigOverride("queued.max.request.bytes", "-1"),
        ConfigOverride("connections.max.idle.ms", "-1"),
    ]).settings
    #expect(settings.socketSendBufferBytes == nil)
    #expect(settings.queuedMaxRequestBytes == nil)
    #expect(settings.connectionsMaxIdle == nil)
}
