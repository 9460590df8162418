import Model
import NIOCore
import Testing

@testable import Wire

/// What holds for every message at every version.
struct WireCatalogueTests {
    /// Enough for the sampler to reach nulls, extremes, empty arrays and two-byte lengths in every field.
    static let seeds: Range<UInt64> = 0..<24

    @Test(arguments: WireCatalogue.all)
    func readingATruncatedMessageThrows(kind: MessageKind) throws {
        for version in kind.api.versions {
            for seed in Self.seeds.prefix(6) {
                let bytes = try sampleBytes(kind, version, seed)
                for length in 0..<bytes.readableBytes {
                    let prefix = try #require(bytes.getSlice(at: bytes.readerIndex, length: length))
                    #expect(throws: WireError.self, "\(kind) v\(version) seed \(seed) length \(length)") {
                        try kind.read(prefix, version: version)
                    }
                }
            }
        }
    }

    /// What is read from damaged bytes is either refused or a message like any other; the process survives both.
    @Test(arguments: WireCatalogue.all)
    func readingADamagedMessageNeverTraps(kind: MessageKind) throws {
        var generator = SeededGenerator(seed: 0xda3a6ed)
        for version in kind.api.versions {
            for seed in Self.seeds {
                let bytes = try sampleBytes(kind, version, seed)
                for _ in 0..<20 {
                    let damaged = damage(bytes, using: &generator)
                    guard let (message, _) = try? kind.read(damaged, version: version) else { continue }
                    let rewritten = try kind.write(message, version: version)
                    let again = try kind.read(rewritten, version: version).message
                    #expect(message.isEqual(to: again), "\(kind) v\(version): \(hex(damaged))")
                }
            }
        }
    }

    @Test(arguments: WireCatalogue.all)
    func everySampleIsReadAsItWasWritten(kind: MessageKind) throws {
        for version in kind.api.versions {
            for seed in Self.seeds {
                let sample = try kind.sample(seed: seed, version: version)
                let bytes = try kind.write(sample, version: version)
                let (message, rest) = try kind.read(bytes, version: version)
                #expect(sample.isEqual(to: message), "\(kind) v\(version) seed \(seed)")
                #expect(rest.readableBytes == 0, "\(kind) v\(version) seed \(seed)")
            }
        }
    }

    /// A version knows the fields it knows, whatever the values are: the oracle compares these names with Kafka's.
    @Test(arguments: WireCatalogue.all)
    func everyDescriptionNamesTheSameFields(kind: MessageKind) throws {
        for version in kind.api.versions {
            let expected = try topLevelNames(kind.describeDefaults(version: version))
            for seed in Self.seeds {
                let sample = try kind.sample(seed: seed, version: version)
                #expect(try topLevelNames(kind.describe(sample, version: version)) == expected)
            }
        }
    }

    @Test func everyMessageIsListedOnce() {
        let names = WireCatalogue.all.map(\.description)
        #expect(Set(names).count == names.count)
        // A request and its response for each API.
        #expect(names.count == 2 * Set(WireCatalogue.all.map(\.api.key)).count)
    }

    @Test func announcedVersionsAreSpokenButForProduce() {
        for api in WireCatalogue.all.filter(\.isRequest).map(\.api) {
            #expect(api.versions.contains(api.highestAnnounced), "\(api.name)")
            // KAFKA-18659: librdkafka turns features off unless Produce is announced from 0 on.
            let lowest = api.key == .produce ? 0 : api.versions.lowerBound
            #expect(api.lowestAnnounced == lowest, "\(api.name)")
        }
        #expect(ApiVersionsRequest.api.highestAnnounced == 4)
    }

    private func sampleBytes(_ kind: MessageKind, _ version: Int16, _ seed: UInt64) throws -> ByteBuffer {
        try kind.write(kind.sample(seed: seed, version: version), version: version)
    }

    private func topLevelNames(_ description: WireDescription) -> [String] {
        guard case .object(let fields) = description else { return [] }
        return fields.map(\.name)
    }

    /// One to four bytes changed, preferably to what lengths and counts fear most.
    private func damage(_ bytes: ByteBuffer, using generator: inout SeededGenerator) -> ByteBuffer {
        var damaged = bytes
        guard damaged.readableBytes > 0 else { return damaged }
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let index = damaged.readerIndex + Int.random(in: 0..<damaged.readableBytes, using: &generator)
            let favourites: [UInt8] = [0x00, 0x01, 0x7f, 0x80, 0xff]
            let value = favourites.randomElement(using: &generator) ?? 0
            damaged.setInteger(
                Bool.random(using: &generator) ? value : UInt8.random(in: 0...255, using: &generator),
                at: index
            )
        }
        return damaged
    }
}

/// The readable bytes in hexadecimal.
func hex(_ buffer: ByteBuffer) -> String {
    buffer.readableBytesView.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
