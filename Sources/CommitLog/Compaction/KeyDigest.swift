/// 128 bits that stand for a key: SipHash-2-4 with a secret (Aumasson, Bernstein 2012, the 128-bit variant). Immutable.
///
/// Two keys with one digest would lose a record. Without the secret nobody can make such a pair, and by chance it takes
/// 2⁶⁴ keys.
struct KeyDigest: Hashable {
    let low: UInt64
    let high: UInt64

    /// What has to be known to find collisions. One for each compaction.
    struct Secret {
        let first: UInt64
        let second: UInt64

        init(first: UInt64, second: UInt64) {
            self.first = first
            self.second = second
        }

        init(using generator: inout some RandomNumberGenerator) {
            self.init(first: generator.next(), second: generator.next())
        }
    }

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    init(of key: UnsafeRawBufferPointer, secret: Secret) {
        var state = SipState(secret)
        let whole = key.count / 8 * 8
        var position = 0
        while position < whole {
            state.absorb(UInt64(littleEndian: key.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
            position += 8
        }
        var last = UInt64(truncatingIfNeeded: key.count) << 56
        for byte in whole..<key.count { last |= UInt64(key[byte]) << UInt64(8 * (byte - whole)) }
        state.absorb(last)
        (low, high) = state.finish()
    }
}

/// SipHash's four words. A value.
private struct SipState {
    private var (a, b, c, d): (UInt64, UInt64, UInt64, UInt64)

    init(_ secret: KeyDigest.Secret) {
        a = 0x736f_6d65_7073_6575 ^ secret.first
        b = 0x646f_7261_6e64_6f6d ^ secret.second ^ 0xee
        c = 0x6c79_6765_6e65_7261 ^ secret.first
        d = 0x7465_6462_7974_6573 ^ secret.second
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
        d ^= word
        round()
        round()
        a ^= word
    }

    @inline(__always)
    mutating func finish() -> (UInt64, UInt64) {
        c ^= 0xee
        for _ in 0..<4 { round() }
        let low = a ^ b ^ c ^ d
        b ^= 0xdd
        for _ in 0..<4 { round() }
        return (low, a ^ b ^ c ^ d)
    }

    @inline(__always)
    private mutating func round() {
        a &+= b
        b = b &<< 13 | b &>> 51
        b ^= a
        a = a &<< 32 | a &>> 32
        c &+= d
        d = d &<< 16 | d &>> 48
        d ^= c
        a &+= d
        d = d &<< 21 | d &>> 43
        d ^= a
        c &+= b
        b = b &<< 17 | b &>> 47
        b ^= c
        c = c &<< 32 | c &>> 32
    }
}
