import Testing

@testable import Broker

private func settings(
    _ listeners: String,
    advertised: String? = nil,
    protocols: String? = nil
) throws(ConfigurationError) -> BrokerSettings {
    var overrides = [ConfigOverride("listeners", listeners)]
    if let advertised { overrides.append(ConfigOverride("advertised.listeners", advertised)) }
    if let protocols { overrides.append(ConfigOverride("listener.security.protocol.map", protocols)) }
    return try BrokerConfiguration.load(overrides: overrides).settings
}

private func problem(_ listeners: String, advertised: String? = nil, protocols: String? = nil) -> String? {
    do throws(ConfigurationError) {
        _ = try settings(listeners, advertised: advertised, protocols: protocols)
        return nil
    } catch {
        return error.message
    }
}

@Test(arguments: [
    "127.0.0.1:9092", "PLAINTEXT:9092", "PLAINTEXT://", "PLAINTEXT://host", "PLAINTEXT://host:", "PLAINTEXT://host:x",
    "PLAINTEXT://host:65536", "PLAINTEXT://host:-1", "://host:1", "A B://host:1", "PLAINTEXT://::1:9092",
    "PLAINTEXT://[host]:1", "PLAINTEXT://ho/st:1", "PLAINTEXT://http://x:1", "PLAINTEXT://a:1,,",
])
func textThatIsNoListenerIsRefused(_ text: String) {
    #expect(problem(text)?.contains("is not NAME://host:port") == true, "\(problem(text) ?? "accepted")")
}

@Test func listenersThatCollideAreRefused() {
    #expect(problem("A://h:1,a://h:2", protocols: "A:PLAINTEXT")?.hasSuffix("The listener A is named twice") == true)
    let map = "A:PLAINTEXT,B:PLAINTEXT"
    #expect(problem("A://h:1,B://h:1", protocols: map)?.hasSuffix("Two listeners have the same address") == true)
    #expect(problem("A://h:0,B://h:0", protocols: map) == nil)
    let many = (0..<33).map { "L\($0)://h:\($0)" }.joined(separator: ",")
    #expect(problem(many)?.hasSuffix("There can be 32 listeners at most") == true)
}

@Test func listenerWithoutAProtocolIsRefused() {
    #expect(problem("INSIDE://h:1")?.hasPrefix("The listener INSIDE has no security protocol") == true)
    #expect(problem("INSIDE://h:1", protocols: "INSIDE:TLS")?.contains("'INSIDE:TLS' is not NAME:PROTOCOL") == true)
}

@Test func protocolThatIsNotSpokenIsRefused() {
    #expect(problem("SSL://h:1")?.contains("SSL, which Martlet does not speak yet") == true)
    #expect(problem("X://h:1", protocols: "X:SASL_SSL")?.contains("SASL_SSL, which") == true)
}

@Test func advertisedListenerHasToExistAndToBeReachable() {
    #expect(
        problem("PLAINTEXT://h:1", advertised: "OTHER://x:1")?.hasPrefix("advertised.listeners names OTHER") == true
    )
    #expect(problem("PLAINTEXT://h:1", advertised: "PLAINTEXT://:1")?.contains("without a host") == true)
    #expect(problem("PLAINTEXT://h:1", advertised: "PLAINTEXT://0.0.0.0:1")?.contains("without a host") == true)
    #expect(problem("PLAINTEXT://h:1", advertised: "PLAINTEXT://[::]:1")?.contains("without a host") == true)
    #expect(problem("PLAINTEXT://h:1", advertised: "PLAINTEXT://x:0")?.contains("port 0") == true)
    #expect(problem("PLAINTEXT://h:1", advertised: "PLAINTEXT")?.contains("is not NAME://host:port") == true)
}

@Test func listenersAreReadWithTheirAdvertisedAddress() throws {
    let listeners = try settings(
        "plaintext://:9092, INSIDE://[::1]:0",
        advertised: "INSIDE://broker.example:19092",
        protocols: "INSIDE:PLAINTEXT"
    ).listeners
    #expect(
        listeners == [
            Listener(
                name: "PLAINTEXT",
                securityProtocol: .plaintext,
                endpoint: Endpoint(host: "", port: 9092),
                advertised: nil
            ),
            Listener(
                name: "INSIDE",
                securityProtocol: .plaintext,
                endpoint: Endpoint(host: "::1", port: 0),
                advertised: Endpoint(host: "broker.example", port: 19092)
            ),
        ]
    )
}

@Test func endpointPrintsWhatItReads() {
    for text in ["127.0.0.1:9092", ":0", "[::1]:9092", "[fe80::1%eth0]:1", "a-b_c.example:65535"] {
        #expect(Endpoint(text)?.description == text)
    }
}
