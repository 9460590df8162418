import Model
import NIOCore
import Records

/// The decompressors by themselves, and that what was compressed comes back. The first byte chooses codec and direction.
enum CodecTarget: FuzzTarget {
    private static let limit = 1 << 20
    private static let compressing: UInt8 = 0x80

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first else { return }
        let compression = Compression.allCases[Int(first & 0x7f) % Compression.allCases.count]
        let bytes = ByteBuffer(bytes: input.dropFirst())
        if first & compressing != 0 { return checkRoundTrip(bytes, compression) }
        guard let output = try? Codec.decompress(bytes, with: compression, limit: limit) else { return }
        invariant(output.readableBytes <= limit, "no more comes out than is allowed")
    }

    private static func checkRoundTrip(_ bytes: ByteBuffer, _ compression: Compression) {
        guard bytes.readableBytes > 0 else { return }
        do {
            let compressed = try Codec.compress(bytes, with: compression)
            let again = try Codec.decompress(compressed, with: compression, limit: bytes.readableBytes)
            invariant(again == bytes, "\(compression) gives back what it was given")
        } catch {
            invariant(false, "\(compression) cannot read its own output: \(error)")
        }
    }

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        let text = ByteBuffer(string: String(repeating: "what repeats is compressed ", count: 50))
        for (index, compression) in Compression.allCases.enumerated() {
            seeds.append([UInt8(index) | compressing] + Array(text.readableBytesView))
            guard let compressed = try? Codec.compress(text, with: compression) else { continue }
            seeds.append([UInt8(index)] + Array(compressed.readableBytesView))
        }
        // Snappy without the framing of its Java library, as librdkafka sends it: a length, then one literal.
        seeds.append([2, 4, 3 << 2] + Array("text".utf8))
        return seeds
    }
}
