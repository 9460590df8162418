import Testing

@testable import CommitLog

@Suite struct KeyDigestTests {
    private let secret = KeyDigest.Secret(first: 0x0706_0504_0302_0100, second: 0x0f0e_0d0c_0b0a_0908)

    private func digest(_ count: Int) -> KeyDigest {
        (0..<count).map { UInt8(truncatingIfNeeded: $0) }.withUnsafeBytes { KeyDigest(of: $0, secret: secret) }
    }

    /// From the reference implementation's vectors of SipHash-2-4 with 128 bits.
    @Test func digestsAreThoseOfTheReference() {
        #expect(digest(0) == KeyDigest(low: 0xe6a8_25ba_047f_81a3, high: 0x9302_55c7_1472_f66d))
        #expect(digest(1) == KeyDigest(low: 0x44af_996b_d8c1_87da, high: 0x45fc_229b_1159_7634))
    }

    @Test func keysOfAnyLengthDiffer() {
        #expect(Set((0..<100).map(digest)).count == 100)
    }
}
