/// The hash by which Kafka's Java producer spreads keys over partitions: 32-bit MurmurHash2 with Kafka's seed.
///
/// All clients of a topic must agree on it, or records of one key end up in several partitions.
enum Murmur2 {
    private static let seed: UInt32 = 0x9747_b28c
    private static let multiplier: UInt32 = 0x5bd1_e995

    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var hash = seed ^ UInt32(truncatingIfNeeded: bytes.count)
        let whole = bytes.count & ~3
        for index in stride(from: 0, to: whole, by: 4) {
            var word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            word = word &* multiplier
            word ^= word >> 24
            word = word &* multiplier
            hash = hash &* multiplier ^ word
        }
        let rest = bytes.count - whole
        if rest >= 3 { hash ^= UInt32(bytes[whole + 2]) << 16 }
        if rest >= 2 { hash ^= UInt32(bytes[whole + 1]) << 8 }
        if rest >= 1 {
            hash ^= UInt32(bytes[whole])
            hash = hash &* multiplier
        }
        hash ^= hash >> 13
        hash = hash &* multiplier
        return hash ^ hash >> 15
    }

    /// The partition of a key: the hash without its sign bit, modulo the number of partitions, as Java has it.
    static func partition(forKey key: UnsafeRawBufferPointer, of count: Int) -> Int32 {
        Int32(truncatingIfNeeded: Int(hash(key) & 0x7fff_ffff) % count)
    }
}
