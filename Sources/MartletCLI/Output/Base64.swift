/// Base 64 with padding (RFC 4648, section 4), for bytes that are not text. Stateless.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 1
            if count == 3 {
                for shift: UInt32 in [18, 12, 6, 0] { text.append(alphabet[Int(bits >> shift & 63)]) }
                (bits, count) = (0, 0)
            }
        }
        if count == 1 {
            text += [alphabet[Int(bits >> 2)], alphabet[Int(bits << 4 & 63)], UInt8(ascii: "="), UInt8(ascii: "=")]
        } else if count == 2 {
            text += [alphabet[Int(bits >> 10)], alphabet[Int(bits >> 4 & 63)], alphabet[Int(bits << 2 & 63)]]
            text.append(UInt8(ascii: "="))
        }
        return String(decoding: text, as: UTF8.self)
    }
}
