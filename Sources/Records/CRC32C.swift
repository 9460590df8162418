import CISAL
package import NIOCore

/// The checksum of record batches: CRC-32C (Castagnoli), computed by ISA-L with the widest instructions the machine has.
package enum CRC32C {
    /// ISA-L counts bytes in 32 bits; a multiple of the cache line keeps the pieces aligned.
    private static let maximumPiece = 1 << 30

    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        ~update(0xffff_ffff, bytes)
    }

    /// The checksum of the batch that `batch` holds: of its byte 21 up to the end. Of nothing if it is shorter.
    package static func checksum(of batch: ByteBuffer) -> UInt32 {
        batch.withUnsafeReadableBytes { checksum(ofBatch: $0) }
    }

    static func checksum(ofBatch bytes: UnsafeRawBufferPointer) -> UInt32 {
        checksum(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(RecordBatchFormat.checksummedPosition)))
    }

    /// A checksum of bytes that come piece by piece. A value.
    package struct Running {
        private var register: UInt32 = 0xffff_ffff

        package init() {}

        /// Of everything added so far.
        package var checksum: UInt32 { ~register }

        package mutating func add(_ bytes: UnsafeRawBufferPointer) { register = CRC32C.update(register, bytes) }
    }

    private static func update(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var register = start
        var position = 0
        while let base = bytes.baseAddress, position < bytes.count {
            let piece = min(bytes.count - position, maximumPiece)
            // The library does not write through the pointer, its declaration only forgets to say so.
            let start = UnsafeMutablePointer(mutating: (base + position).assumingMemoryBound(to: UInt8.self))
            register = crc32_iscsi(start, Int32(piece), register)
            position += piece
        }
        return register
    }
}
