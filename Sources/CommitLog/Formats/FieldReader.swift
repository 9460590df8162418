import Model
import Records

/// Takes fields off a small file, checking what is left. Used within one call.
struct FieldReader {
    let path: String
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, path: String) {
        self.bytes = bytes
        self.path = path
    }

    var isAtEnd: Bool { position == bytes.count }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(LogError) -> Value {
        let size = MemoryLayout<Value>.size
        guard bytes.count - position >= size else { throw .corrupt(path: path, "it ends after \(bytes.count) bytes") }
        defer { position += size }
        return bigEndian(bytes, position)
    }

    mutating func offset() throws(LogError) -> Offset {
        let value: Int64 = try integer()
        guard value >= 0, Offset(value) <= LogFileNames.maximumOffset else {
            throw .corrupt(path: path, "\(value) is not an offset")
        }
        return Offset(value)
    }

    /// The number of elements that follow, each of `size` bytes.
    mutating func count(of size: Int) throws(LogError) -> Int {
        let value: Int32 = try integer()
        guard value >= 0, Int(value) <= (bytes.count - position) / size else {
            throw .corrupt(path: path, "it announces \(value) elements, which do not fit")
        }
        return Int(value)
    }

    /// Text in UTF-8, whose length in 2 bytes precedes it.
    mutating func text() throws(LogError) -> String {
        let count = Int(try integer(UInt16.self))
        guard bytes.count - position >= count else { throw .corrupt(path: path, "it ends after \(bytes.count) bytes") }
        defer { position += count }
        let piece = bytes[position..<position + count]
        guard let text = String(validating: piece, as: UTF8.self) else {
            throw .corrupt(path: path, "a text in it is not in UTF-8")
        }
        return text
    }
}

/// How small files of our own begin:
///
///     byte  bytes  field (big-endian)
///        0      4  magic
///        4      2  version
///        6      4  checksum   CRC32C of bytes 0 to 5 and of byte 10 up to the end of the file
///
/// The checksum covers the version, so that a flipped bit is not taken for the format of another release.
enum ChecksummedFile {
    static let bodyPosition = 10
    private static let checksumPosition = 6

    static func wrap(_ body: [UInt8], magic: UInt32, version: Int16) -> [UInt8] {
        var bytes = bigEndianBytes(magic) + bigEndianBytes(version) + bigEndianBytes(UInt32(0)) + body
        let sum: UInt32 = bytes.withBytes { checksum(of: $0) }
        bytes.replaceSubrange(checksumPosition..<bodyPosition, with: bigEndianBytes(sum))
        return bytes
    }

    /// A reader of what follows the checksum.
    static func unwrap(
        _ bytes: UnsafeRawBufferPointer,
        magic: UInt32,
        version: Int16,
        path: String
    ) throws(LogError) -> FieldReader {
        var reader = FieldReader(bytes, path: path)
        guard try reader.integer(UInt32.self) == magic else {
            throw .corrupt(path: path, "it does not begin as such a file does")
        }
        let found = try reader.integer(Int16.self)
        guard try reader.integer(UInt32.self) == checksum(of: bytes) else {
            throw .corrupt(path: path, "its checksum is wrong")
        }
        guard found == version else {
            throw .unsupportedFormat(path: path, "its version is \(found), known is \(version)")
        }
        return reader
    }

    private static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var running = CRC32C.Running()
        running.add(UnsafeRawBufferPointer(rebasing: bytes.prefix(checksumPosition)))
        running.add(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(bodyPosition)))
        return running.checksum
    }
}
