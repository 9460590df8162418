/// Reads the escapes that shells leave alone in delimiters and formats. Stateless.
enum Escapes {
    /// Why a text cannot be read.
    struct Problem: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// The bytes that `text` stands for: `\n \r \t \0 \\ \xNN`, anything else as it is.
    static func bytes(_ text: String) throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            bytes.append(byte == UInt8(ascii: "\\") ? try escaped(&rest, in: text) : byte)
        }
        return bytes
    }

    /// The byte of an escape whose backslash has been read.
    static func escaped(_ rest: inout ArraySlice<UInt8>, in text: String) throws(Problem) -> UInt8 {
        switch rest.popFirst() {
        case UInt8(ascii: "n"): return UInt8(ascii: "\n")
        case UInt8(ascii: "r"): return UInt8(ascii: "\r")
        case UInt8(ascii: "t"): return UInt8(ascii: "\t")
        case UInt8(ascii: "0"): return 0
        case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
        case UInt8(ascii: "x"):
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.allSatisfy(\.isHexDigit), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
                throw Problem(description: "'\(text)': \\x needs two hexadecimal digits")
            }
            rest.removeFirst(2)
            return value
        case nil: throw Problem(description: "'\(text)' ends with a backslash")
        case let other?:
            let letter = String(decoding: [other], as: UTF8.self)
            throw Problem(description: "'\(text)': \\\(letter) is unknown; known are \\n \\r \\t \\0 \\\\ \\xNN")
        }
    }
}
