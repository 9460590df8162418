import NIOCore
import Testing

@testable import Wire

struct WireCoderLengthsTests {
    static let varints: [(value: UInt32, bytes: [UInt8])] = [
        (0, [0x00]),
        (1, [0x01]),
        (127, [0x7f]),
        (128, [0x80, 0x01]),
        (16_383, [0xff, 0x7f]),
        (16_384, [0x80, 0x80, 0x01]),
        (2_097_151, [0xff, 0xff, 0x7f]),
        (2_097_152, [0x80, 0x80, 0x80, 0x01]),
        (268_435_455, [0xff, 0xff, 0xff, 0x7f]),
        (268_435_456, [0x80, 0x80, 0x80, 0x80, 0x01]),
        (.max, [0xff, 0xff, 0xff, 0xff, 0x0f]),
    ]

    @Test(
        arguments: [
            [0xff, 0xff, 0xff, 0xff, 0x10],  // 2³² and more
            [0xff, 0xff, 0xff, 0xff, 0x7f],
            [0x80, 0x80, 0x80, 0x80, 0x80],  // a sixth byte would follow
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        ] as [[UInt8]]
    )
    func varintsBeyond32BitsAreRefused(bytes: [UInt8]) {
        #expect(throws: WireError.badVarint(field: "Length")) { try readVarint(bytes) }
    }

    @Test func truncatedVarintsAreRefused() {
        for (_, bytes) in Self.varints {
            for length in 0..<bytes.count {
                #expect(throws: WireError.truncated(field: "Length", needed: 1, remaining: 0)) {
                    try readVarint(Array(bytes.prefix(length)))
                }
            }
        }
    }

    @Test func varintsAreReadAndWritten() throws {
        for (value, bytes) in Self.varints {
            #expect(try readVarint(bytes) == value)
            var coder = WireCoder.writer(WireOutput(bytes: ByteBuffer()), version: 0, isFlexible: true)
            coder.writeVarint(value)
            #expect(Array(coder.output.bytes.readableBytesView) == bytes)
        }
    }

    /// Kafka's own reader accepts them, too.
    @Test func varintsWithMoreBytesThanNeededAreRead() throws {
        #expect(try readVarint([0x81, 0x80, 0x00]) == 1)
    }

    @Test func negativeLengthsOtherThanNullAreRefused() {
        #expect(throws: WireError.badLength(field: "Text", length: -2, remaining: 0)) {
            try TextField.read([0xff, 0xfe])
        }
        #expect(throws: WireError.badLength(field: "Bytes", length: Int(Int32.min), remaining: 0)) {
            try BytesField.read([0x80, 0, 0, 0])
        }
    }

    @Test func lengthsThatDoNotFitAreNotWritten() {
        var coder = WireCoder.writer(WireOutput(bytes: ByteBuffer()), version: 0, isFlexible: true)
        let tooLong = Int(Int32.max) + 1
        for format in [WireCoder.LengthFormat.long, .compact] {
            #expect(throws: WireError.valueTooLong(field: "Bytes", length: tooLong, limit: tooLong - 1)) {
                try coder.writeLength("Bytes", tooLong, format)
            }
        }
    }

    private func readVarint(_ bytes: [UInt8]) throws(WireError) -> UInt32 {
        var coder = WireCoder.reader(ByteBuffer(bytes: bytes), version: 0, isFlexible: true)
        return try coder.readVarint("Length")
    }
}
