/// The identity of a topic: a random UUID that a recreated topic of the same name does not share (KIP-516). Immutable.
package struct TopicID: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    @inlinable
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// "No id", as requests say it.
    package static let zero = TopicID(high: 0, low: 0)

    /// A version 4 UUID (RFC 9562) that does not start with a dash in its text form, so that it can be typed as a
    /// command's argument.
    package static func random(using generator: inout some RandomNumberGenerator) -> TopicID {
        while true {
            let high = (generator.next() as UInt64) & ~0xf000 | 0x4000
            let low = (generator.next() as UInt64) & ~(0b11 << 62) | (0b10 << 62)
            let id = TopicID(high: high, low: low)
            if !id.description.hasPrefix("-") { return id }
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// URL-safe base 64 without padding (RFC 4648, section 5): 22 characters, as Kafka's tools print ids.
    package var description: String {
        let bytes = self.bytes
        var text: [UInt8] = []
        for start in stride(from: 0, to: 16, by: 3) {
            let group = (0..<3).map { start + $0 < 16 ? UInt32(bytes[start + $0]) : 0 }
            let bits = group[0] << 16 | group[1] << 8 | group[2]
            for index in 0..<(start + 3 <= 16 ? 4 : 2) {
                text.append(Self.alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads what ``description`` prints; nil if `text` is not that.
    package init?(_ text: String) {
        guard text.utf8.count == 22 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            guard let value = Self.alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        guard bytes.count == 16, bits & 0xf == 0 else { return nil }
        let halves = (bytes.prefix(8), bytes.suffix(8))
        high = halves.0.reduce(0) { $0 << 8 | UInt64($1) }
        low = halves.1.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private var bytes: [UInt8] {
        [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) } }
    }
}
