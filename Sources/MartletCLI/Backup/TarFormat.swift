/// The 512 bytes in front of each file of a tar archive (POSIX ustar), as far as backups need them. Stateless.
///
///     0 name, 100 bytes   100 mode   108 uid   116 gid   124 size, 12 octal digits   136 mtime   148 checksum
///     156 type, '0' for a file   257 "ustar\0" "00"   345 prefix of the name, 155 bytes
///
/// Files are filled up with zeros to a multiple of 512; two blocks of zeros end the archive.
enum TarFormat {
    static let block = 512
    static let end = [UInt8](repeating: 0, count: 2 * block)

    struct Header: Equatable {
        let name: String
        let size: Int
        let isFile: Bool
    }

    private static let size = 124..<136
    private static let checksum = 148..<156
    private static let type = 156
    private static let magic = 257..<262
    private static let prefix = 345..<500
    private static let largestSize = 0o77_777_777_777

    /// A file's header. Names are those of ``BackupFormat`` and fit.
    static func header(name: String, size bytes: Int, modified: Int64) throws(BackupError) -> [UInt8] {
        guard name.utf8.count < 100, (0...largestSize).contains(bytes) else {
            throw BackupError("'\(name)' of \(bytes) bytes cannot be put into a tar archive")
        }
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at position: Int) {
            header.replaceSubrange(position..<position + text.utf8.count, with: text.utf8)
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(bytes, 11), at: size.lowerBound)
        put(octal(Int(max(0, modified)) & largestSize, 11), at: 136)
        put("0", at: type)
        put("ustar\0" + "00", at: magic.lowerBound)
        put(octal(sum(of: header), 6) + "\0 ", at: checksum.lowerBound)
        return header
    }

    /// Reads a header; nil for a block of zeros, which ends the archive.
    static func read(_ block: [UInt8]) throws(BackupError) -> Header? {
        if block.allSatisfy({ $0 == 0 }) { return nil }
        guard block.count == self.block, block[magic].elementsEqual("ustar".utf8) else {
            throw BackupError("it is no tar archive (ustar)")
        }
        guard let stored = octal(block[checksum]), stored == sum(of: block) else {
            throw BackupError("the header of an entry is damaged: its checksum is wrong")
        }
        guard let size = octal(block[size]) else { throw BackupError("the size of an entry cannot be read") }
        let folder = text(block[prefix])
        let name = (folder.isEmpty ? "" : folder + "/") + text(block[0..<100])
        return Header(name: name, size: size, isFile: block[type] == UInt8(ascii: "0") || block[type] == 0)
    }

    /// What fills the last block of a file.
    static func padding(_ size: Int) -> Int { (block - size % block) % block }

    /// The checksum's own bytes count as spaces.
    private static func sum(of header: [UInt8]) -> Int {
        header.enumerated().reduce(0) { $0 + Int(checksum.contains($1.offset) ? UInt8(ascii: " ") : $1.element) }
    }

    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        Int(text(field).filter { $0 != " " }, radix: 8).flatMap { $0 >= 0 ? $0 : nil }
    }

    private static func text(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }
}
