import Testing

@testable import MartletClient

@Suite struct PropertiesTests {
    static let servers = ["bootstrap.servers": "one:9092, two:9093"]

    func failure(_ body: () throws -> Void) -> ClientError? {
        do {
            try body()
            return nil
        } catch {
            return error as? ClientError
        }
    }

    func producerFailure(_ properties: [String: String]) -> ClientError? {
        failure { _ = try ProducerConfiguration(properties: properties.merging(Self.servers) { $1 }) }
    }

    // MARK: Refusals

    @Test func missingServersAreAskedFor() {
        let error = failure { _ = try ClientConfiguration(properties: [:]) }
        #expect(error?.message == "the property 'bootstrap.servers' is missing")
    }

    @Test func unknownPropertyIsNamedWithTheOneThatIsLikeIt() {
        let error = producerFailure(["linger.msec": "5"])
        #expect(error?.kind == .invalidArgument)
        #expect(error?.message == "a producer has no property 'linger.msec'")
        #expect(error?.hint == "did you mean 'linger.ms'?")
        #expect(
            producerFailure(["group.protocol.of.somebody": "x"])?.hint?.hasPrefix("it has: acks, batch.size") == true
        )
    }

    @Test(arguments: [
        ("linger.ms", "-1", "milliseconds from 0 to 2147483647"),
        ("linger.ms", "5 s", "milliseconds from 0 to 2147483647"),
        ("batch.size", "0", "a whole number from 1 to 1073741824"),
        ("acks", "2", "one of -1, 0, 1, all"),
        ("enable.idempotence", "yes", "one of false, true"),
        ("compression.type", "rar", "one of gzip, lz4, none, snappy, zstd"),
        ("compression.zstd.level", "23", "a whole number from 1 to 22"),
        ("max.in.flight.requests.per.connection", "6", "a whole number from 1 to 5"),
        ("security.protocol", "CARRIER_PIGEON", "PLAINTEXT or SASL_PLAINTEXT"),
    ])
    func impossibleValueIsNamedWithThoseThatArePossible(name: String, value: String, expected: String) {
        #expect(producerFailure([name: value])?.message == "property '\(name)' is '\(value)', but must be \(expected)")
    }

    @Test func contradictionsAreRefused() {
        #expect(producerFailure(["enable.idempotence": "true", "acks": "1"])?.message.contains("needs 'acks'") == true)
        #expect(producerFailure(["linger.ms": "10", "delivery.timeout.ms": "5"])?.kind == .invalidArgument)
        #expect(producerFailure(["security.protocol": "SASL_SSL"])?.hint?.contains("prepareConnection") == true)
        #expect(
            producerFailure(["security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256"])?.hint
                == "set authenticator to one for this mechanism"
        )
    }

    @Test func groupNeedsItsId() {
        let error = failure { _ = try ConsumerConfiguration(properties: Self.servers, subscription: .topics(["t"])) }
        #expect(error?.message == "the property 'group.id' is missing")
        let unknown = failure {
            let properties = Self.servers.merging(["group.id": "g", "partition.assignment.strategy": "fair"]) { $1 }
            _ = try ConsumerConfiguration(properties: properties, subscription: .topics(["t"]))
        }
        #expect(unknown?.message.contains("is 'fair', but must be range, roundrobin or cooperative-sticky") == true)
    }

    // MARK: Values

    @Test func whatIsNotGivenHasTheDefaults() throws {
        let (given, plain) = (
            try ProducerConfiguration(properties: Self.servers), ProducerConfiguration(client: .nowhere)
        )
        #expect(given.client.bootstrap == [BrokerAddress(host: "one"), BrokerAddress(host: "two", port: 9093)])
        #expect(given.linger == plain.linger)
        #expect(given.batchBytes == plain.batchBytes)
        #expect(given.isIdempotent && given.acknowledgement == .all)
    }

    @Test func producersPropertiesArriveWhereTheyBelong() throws {
        let properties = [
            "bootstrap.servers": "h:1", "client.id": "me", "acks": "1", "compression.type": "gzip",
            "compression.gzip.level": "9", "batch.size": "1000", "linger.ms": " 7 ", "buffer.memory": "5000",
            "max.in.flight.requests.per.connection": "3", "max.request.size": "2000", "delivery.timeout.ms": "60000",
            "request.timeout.ms": "9000", "retry.backoff.ms": "11", "retry.backoff.max.ms": "12",
            "reconnect.backoff.ms": "13", "reconnect.backoff.max.ms": "14", "metadata.max.age.ms": "15",
            "socket.connection.setup.timeout.ms": "16", "default.api.timeout.ms": "17",
            "security.protocol": "plaintext",
        ]
        let producer = try ProducerConfiguration(properties: properties)
        #expect(producer.acknowledgement == .leader)
        #expect(!producer.isIdempotent)
        #expect(producer.compression == .gzip(level: 9))
        #expect((producer.batchBytes, producer.bufferBytes, producer.maximumRequestBytes) == (1000, 5000, 2000))
        #expect((producer.linger, producer.deliveryTimeout) == (.milliseconds(7), .seconds(60)))
        #expect(producer.maximumInFlightRequests == 3)
        let client = producer.client
        #expect(client.clientID == "me")
        #expect((client.requestTimeout, client.operationTimeout) == (.seconds(9), .milliseconds(17)))
        #expect((client.retryBackoff, client.maximumRetryBackoff) == (.milliseconds(11), .milliseconds(12)))
        #expect((client.reconnectBackoff, client.maximumReconnectBackoff) == (.milliseconds(13), .milliseconds(14)))
        #expect((client.metadataMaximumAge, client.connectTimeout) == (.milliseconds(15), .milliseconds(16)))
        #expect(client.authenticator == nil)
    }

    @Test func consumersPropertiesArriveWhereTheyBelong() throws {
        let properties = Self.servers.merging([
            "group.id": "g", "group.protocol": "consumer", "group.instance.id": "i", "group.remote.assignor": "uniform",
            "partition.assignment.strategy": "org.apache.kafka.clients.consumer.RoundRobinAssignor, cooperative-sticky",
            "session.timeout.ms": "30000", "heartbeat.interval.ms": "1000", "max.poll.interval.ms": "90000",
            "enable.auto.commit": "false", "auto.offset.reset": "earliest", "isolation.level": "read_committed",
            "fetch.max.wait.ms": "50", "fetch.min.bytes": "2", "fetch.max.bytes": "3", "max.partition.fetch.bytes": "4",
            "check.crcs": "false",
        ]) { $1 }
        let consumer = try ConsumerConfiguration(properties: properties, subscription: .pattern("t.*"))
        let group = try #require(consumer.group)
        #expect((group.id, group.groupProtocol, group.instanceID) == ("g", .consumer, "i"))
        #expect(group.serverAssignor == "uniform")
        #expect(group.assignors == [.roundRobin, .cooperativeSticky])
        #expect((group.sessionTimeout, group.heartbeatInterval) == (.seconds(30), .seconds(1)))
        #expect(group.maximumPollInterval == .seconds(90))
        #expect(group.commitInterval == nil)
        #expect(group.start == .beginning)
        #expect(consumer.isolation == .readCommitted)
        #expect((consumer.maximumWait, consumer.minimumBytes) == (.milliseconds(50), 2))
        #expect((consumer.maximumBytes, consumer.maximumPartitionBytes) == (3, 4))
        #expect(!consumer.verifiesChecksums)
    }

    @Test(arguments: [("earliest", StartPosition?.some(.beginning)), ("latest", .some(.end)), ("none", .none)])
    func resetSaysWhereAGroupBegins(text: String, start: StartPosition?) throws {
        let properties = Self.servers.merging(["group.id": "g", "auto.offset.reset": text]) { $1 }
        let consumer = try ConsumerConfiguration(properties: properties, subscription: .topics(["t"]))
        #expect(consumer.group?.start == start)
        let alone = try ConsumerConfiguration(
            properties: Self.servers.merging(["auto.offset.reset": text]) { $1 },
            assignments: [Assignment(topic: "t")]
        )
        #expect(alone.effectiveOutOfRange == consumer.effectiveOutOfRange)
    }

    @Test func passwordIsTakenForPlain() throws {
        let properties = Self.servers.merging([
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "me",
            "sasl.password": "secret",
        ]) { $1 }
        #expect(try ClientConfiguration(properties: properties).authenticator?.mechanism == "PLAIN")
    }
}
