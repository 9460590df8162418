import NIOCore
import Records
import Testing

/// Known answers of RFC 3720, appendix B.4, and of the check value of the CRC catalogue.
@Suite struct CRC32CTests {
    @Test func knownAnswers() {
        #expect(checksum(Array("123456789".utf8)) == 0xe306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(checksum(Array(0..<32)) == 0x46dd_794e)
        #expect(checksum([]) == 0)
    }

    @Test func aBatchIsChecksummedFromItsAttributesOn() {
        let front = [UInt8](repeating: 7, count: 21)
        let batch = ByteBuffer(bytes: front + Array("123456789".utf8))
        #expect(CRC32C.checksum(of: batch) == 0xe306_9283)
        #expect(CRC32C.checksum(of: batch.shifted) == 0xe306_9283)
    }

    @Test func lessThanABatchHasTheChecksumOfNothing() {
        #expect(CRC32C.checksum(of: ByteBuffer()) == 0)
        #expect(CRC32C.checksum(of: ByteBuffer(bytes: [UInt8](repeating: 7, count: 21))) == 0)
    }

    private func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.checksum($0) } }
}
