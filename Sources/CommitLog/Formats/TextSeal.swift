import Records

/// A checksum in one of Kafka's text checkpoints, where Kafka's readers do not see it. They refuse further lines, and
/// further fields, but they split an entry at white space and ignore what trails: so the last entry is followed by 32
/// spaces and tabs, the bits of a CRC32C of everything else, a tab for each 1, the highest first.
///
/// A file of its own would not do: both could not be replaced at once, and thousands of partitions would have to read it.
/// A text without any trailing white space is one that Kafka has written.
enum TextSeal {
    private static let length = UInt32.bitWidth
    private static let newline = UInt8(ascii: "\n")
    private static let zero = UInt8(ascii: " ")
    private static let one = UInt8(ascii: "\t")

    /// Adds the checksum to a text that ends with a line end.
    static func seal(_ text: String) -> String {
        let checksum = checksum(of: text.utf8.dropLast())
        let bits = (0..<length).map { checksum >> (length - 1 - $0) & 1 == 1 ? "\t" : " " }
        return text.dropLast() + bits.joined() + "\n"
    }

    /// Takes the checksum off, if there is one; throws if it is wrong.
    static func open(_ text: String, path: String) throws(LogError) -> String {
        guard text.utf8.last == newline else { throw .corrupt(path: path, "it ends inside a line") }
        let line = text.utf8.dropLast()
        let bits = line.reversed().prefix { $0 == zero || $0 == one }
        if bits.isEmpty { return text }
        let body = line.dropLast(bits.count)
        let stored = bits.reversed().reduce(UInt32(0)) { $0 << 1 | ($1 == one ? 1 : 0) }
        guard bits.count == length, stored == checksum(of: body) else {
            throw .corrupt(path: path, "its checksum is wrong")
        }
        return String(decoding: Array(body) + [newline], as: UTF8.self)
    }

    private static func checksum(of text: some Collection<UInt8>) -> UInt32 {
        let bytes = Array(text)
        return bytes.withBytes { bytes in CRC32C.checksum(bytes) }
    }
}

/// A checksum where a format has room for one that people can read. Of everything but the line it is in.
enum TextChecksum {
    static func hexadecimal(of text: String) -> String {
        let bytes = Array(text.utf8)
        let digits = String(bytes.withBytes { bytes in CRC32C.checksum(bytes) }, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
