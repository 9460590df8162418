/// The checksum of messages from before Kafka 0.11, that of Ethernet and gzip. Stateless. Only used to recognise such a
/// message, so that a table is not worth it.
enum CRC32 {
    private static let polynomial: UInt32 = 0xedb8_8320

    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var register = UInt32.max
        for byte in bytes {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ polynomial : register >> 1 }
        }
        return ~register
    }
}
