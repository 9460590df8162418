import ArgumentParser
import Glibc

/// What separates records, or a key from its value: one byte or more, written with escapes. Immutable.
struct Delimiter: Equatable, ExpressibleByArgument {
    let bytes: [UInt8]

    static let newline = Delimiter(bytes: [UInt8(ascii: "\n")])

    init(bytes: [UInt8]) { self.bytes = bytes }

    init?(argument: String) {
        do throws(Escapes.Problem) {
            bytes = try Escapes.bytes(argument)
        } catch {
            return nil
        }
        if bytes.isEmpty { return nil }
    }

    var defaultValueDescription: String { bytes == [UInt8(ascii: "\n")] ? "\\n" : "\(bytes)" }

    /// Where it first occurs in `text`, from `start` on.
    func firstIndex(in text: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        guard let base = text.baseAddress, let first = bytes.first else { return nil }
        var position = start
        while position + bytes.count <= text.count {
            let candidates = text.count - bytes.count + 1 - position
            guard let found = memchr(base + position, CInt(first), candidates) else { return nil }
            let index = UnsafeRawPointer(found) - base
            if bytes.indices.dropFirst().allSatisfy({ text[index + $0] == bytes[$0] }) { return index }
            position = index + 1
        }
        return nil
    }
}
