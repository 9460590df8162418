import Model

/// What a backup of a topic consists of: files in a directory, or entries of the same names in a tar archive (POSIX ustar).
///
///     PARTITION/FIRST.log   such as 0/00000000000000000000.log: record batches (Kafka's format, magic 2) with their offsets,
///                           in order, as segments of a log have them, so that `martlet log dump` and Kafka's own tools
///                           read them. FIRST is the offset of the first record, in 20 digits.
///     manifest.json         the topic's configuration, and of each partition and each file: offsets, numbers of records,
///                           bytes and CRC-32C. Written last: a backup without it is not complete.
///     manifest.crc32c       the CRC-32C of manifest.json, eight hexadecimal digits and a newline.
///
/// Offsets may have gaps, where compaction or transactions left some. Records of aborted transactions are left out.
enum BackupFormat {
    static let name = "martlet-topic-backup"
    static let version: Int64 = 1

    static let manifest = "manifest.json"
    static let manifestChecksum = "manifest.crc32c"

    /// The largest manifest that is read, in bytes: some hundred thousand files.
    static let maximumManifestBytes = 256 << 20
    /// A file is closed when it has so many bytes: what is held in memory while it is written or read.
    static let fileBytes = 16 << 20
    /// The largest file that is read: one record may make it longer than it was meant to become.
    static let maximumFileBytes = 1 << 30
    /// Bytes of records that are put into one batch, before compression.
    static let batchBytes = 512 << 10

    static func file(partition: Int32, firstOffset: Int64) -> String {
        let digits = String(firstOffset)
        return "\(partition)/" + String(repeating: "0", count: max(0, 20 - digits.count)) + digits + ".log"
    }

    static func hexadecimal(_ checksum: UInt32) -> String {
        let digits = String(checksum, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}

/// Why a backup cannot be used.
struct BackupError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// As commands report it.
    var inputError: InputError { InputError(description: description, status: .badInput) }
}

extension InputError {
    /// A file that cannot be written or read.
    init(_ error: FileError) { self.init(description: "\(error)", status: .output) }
}
