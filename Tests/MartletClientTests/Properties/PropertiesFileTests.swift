import Foundation
import Testing

@testable import MartletClient

/// config/client.properties against the code: it names every property, and each default is what the code has.
@Suite struct PropertiesFileTests {
    /// The sections' lines, those in comments included, without those that have no default.
    static func properties(_ sections: Set<String>) throws -> [String: String] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../config/client.properties")
        var properties: [String: String] = [:]
        var section = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("# ---") { section = String(line.drop { "#- ".contains($0) }.prefix { $0 != "-" }) }
            let text = line.hasPrefix("#") ? line.dropFirst() : line
            guard !text.hasPrefix(" "), let equals = text.firstIndex(of: "=") else { continue }
            guard sections.contains(section.trimmingCharacters(in: .whitespaces)) else { continue }
            let value = String(text[text.index(after: equals)...])
            properties[String(text[..<equals])] = value
        }
        return properties
    }

    @Test func producersPropertiesAreTheDefaults() throws {
        let properties = try Self.properties(["All clients", "Producers"]).filter { !$0.value.isEmpty }
        let (read, plain) = (try ProducerConfiguration(properties: properties), ProducerConfiguration(client: .nowhere))
        #expect(read.acknowledgement == plain.acknowledgement)
        #expect(read.isIdempotent == plain.isIdempotent)
        #expect(read.compression == plain.compression)
        #expect((read.batchBytes, read.bufferBytes) == (plain.batchBytes, plain.bufferBytes))
        #expect((read.linger, read.deliveryTimeout) == (plain.linger, plain.deliveryTimeout))
        #expect(read.maximumInFlightRequests == plain.maximumInFlightRequests)
        #expect(read.maximumRequestBytes == plain.maximumRequestBytes)
        let (client, usual) = (read.client, plain.client)
        #expect(client.clientID == usual.clientID)
        #expect(client.connectTimeout == usual.connectTimeout)
        #expect(client.requestTimeout == usual.requestTimeout)
        #expect(client.operationTimeout == usual.operationTimeout)
        #expect(client.retryBackoff == usual.retryBackoff)
        #expect(client.maximumRetryBackoff == usual.maximumRetryBackoff)
        #expect(client.reconnectBackoff == usual.reconnectBackoff)
        #expect(client.maximumReconnectBackoff == usual.maximumReconnectBackoff)
        #expect(client.metadataMaximumAge == usual.metadataMaximumAge)
    }

    @Test func consumersPropertiesAreTheDefaults() throws {
        var properties = try Self.properties(["All clients", "Consumers"]).filter { !$0.value.isEmpty }
        properties["group.id"] = "g"
        let read = try ConsumerConfiguration(properties: properties, subscription: .topics(["t"]))
        let plain = GroupConfiguration(id: "g", subscription: .topics(["t"]))
        let group = try #require(read.group)
        #expect((group.groupProtocol, group.assignors) == (plain.groupProtocol, plain.assignors))
        #expect((group.sessionTimeout, group.heartbeatInterval) == (plain.sessionTimeout, plain.heartbeatInterval))
        #expect((group.maximumPollInterval, group.commitInterval) == (plain.maximumPollInterval, plain.commitInterval))
        #expect(group.start == plain.start)
        let fetching = ConsumerConfiguration(client: .nowhere, group: plain)
        #expect(read.isolation == fetching.isolation)
        #expect((read.maximumWait, read.minimumBytes) == (fetching.maximumWait, fetching.minimumBytes))
        #expect(read.maximumBytes == fetching.maximumBytes)
        #expect(read.maximumPartitionBytes == fetching.maximumPartitionBytes)
        #expect(read.verifiesChecksums == fetching.verifiesChecksums)
    }

    @Test func everyPropertyThatIsKnownIsNamed() throws {
        for (sections, what) in [
            (["All clients", "Producers"], "producer"), (["All clients", "Consumers"], "consumer"),
        ] {
            let named = Set(try Self.properties(Set(sections)).keys)
            var properties = ["bootstrap.servers": "h:1", "group.id": "g", "zzzzzzzzzzzzzzzzzzzzzzzz": ""]
            if what == "producer" { properties["group.id"] = nil }
            let error = #expect(throws: ClientError.self) {
                if what == "producer" {
                    _ = try ProducerConfiguration(properties: properties)
                } else {
                    _ = try ConsumerConfiguration(properties: properties, subscription: .topics(["t"]))
                }
            }
            let known = error?.hint?.dropFirst("it has: ".count).split(separator: ", ").map(String.init) ?? []
            #expect(known.count > 15)
            // The codecs' levels are said once, by the first.
            let others = named.union(["compression.lz4.level", "compression.zstd.level"])
            #expect(known.filter { !others.contains($0) }.isEmpty)
        }
    }
}
