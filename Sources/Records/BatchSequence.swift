package import NIOCore

/// Batches one after the other, as a Fetch response and a segment file have them. A value, owned by whoever reads.
package struct BatchSequence {
    /// A batch among others: its header, and exactly its bytes as a slice.
    package struct Element: Equatable, Sendable {
        package let header: BatchHeader
        package let bytes: ByteBuffer
    }

    private var rest: ByteBuffer

    package init(_ batches: ByteBuffer) { rest = batches }

    /// The bytes that ``next()`` has not returned; after the last batch, those of one that was cut off.
    package var remainingBytes: Int { rest.readableBytes }

    /// The next whole batch, or nil if there is none.
    ///
    /// A batch that is cut off ends the sequence without an error: brokers cut responses off at a number of bytes.
    /// Checksums are not compared.
    package mutating func next() throws(BatchError) -> Element? {
        let header: BatchHeader
        do throws(BatchError) {
            header = try BatchHeader(rest)
        } catch .truncated {
            return nil
        }
        guard let bytes = rest.readSlice(length: header.totalLength) else { return nil }
        return Element(header: header, bytes: bytes)
    }
}
