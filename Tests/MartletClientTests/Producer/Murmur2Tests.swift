import Model
import Testing

@testable import MartletClient

/// Expectations were computed with kafka-python's port of the Java hash; the texts are those of Kafka's own unit test.
@Suite struct Murmur2Tests {
    @Test(
        arguments: [
            ("", 275_646_681),
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] as [(String, Int32)]
    )
    func hashesAsJavaDoes(text: String, expected: Int32) {
        #expect(Array(text.utf8).withUnsafeBytes(Murmur2.hash) == UInt32(bitPattern: expected))
    }

    @Test func signBitIsMaskedNotNegated() {
        #expect(Array("21".utf8).withUnsafeBytes { Murmur2.partition(forKey: $0, of: 100) } == 40)
        #expect(([0x80, 0xff, 0x00] as [UInt8]).withUnsafeBytes { Murmur2.partition(forKey: $0, of: 100) } == 85)
    }

    /// A thousand random keys of 0 to 63 bytes, folded into one number together with their partitions of 12.
    @Test func agreesOnAThousandKeys() {
        var generator = SeededGenerator(seed: 2026)
        var folded: UInt64 = 0
        for _ in 0..<1000 {
            let length = Int(generator.next() % 64)
            let key = (0..<length).map { _ in UInt8(generator.next() >> 56) }
            folded = folded &* 31 &+ UInt64(key.withUnsafeBytes(Murmur2.hash))
            folded = folded &* 31 &+ UInt64(key.withUnsafeBytes { Murmur2.partition(forKey: $0, of: 12) })
        }
        #expect(folded == 0xe360_a43e_659d_8454)
    }
}
