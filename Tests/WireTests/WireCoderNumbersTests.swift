import Model
import NIOCore
import Testing

@testable import Wire

struct WireCoderNumbersTests {
    /// One field of every type of fixed length.
    struct AllNumbers: WireStruct {
        var bool = false
        var int8: Int8 = 0
        var int16: Int16 = 0
        var uint16: UInt16 = 0
        var int32: Int32 = 0
        var int64: Int64 = 0
        var float64 = 0.0
        var errorCode = ErrorCode.none
        var uuid = TopicID.zero

        mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.bool("Bool", &bool)
            try wire.int8("Int8", &int8)
            try wire.int16("Int16", &int16)
            try wire.uint16("UInt16", &uint16)
            try wire.int32("Int32", &int32)
            try wire.int64("Int64", &int64)
            try wire.float64("Float64", &float64)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.uuid("UUID", &uuid)
        }
    }

    static let bytes: [UInt8] =
        [1, 0xfe, 0x80, 0x00, 0xff, 0xfe, 0x01, 0x02, 0x03, 0x04, 0x80, 0, 0, 0, 0, 0, 0, 1]
        + [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xff, 0xff] + Array(0...15)

    @Test func everyPrefixIsTruncated() {
        for length in 0..<Self.bytes.count {
            #expect(throws: WireError.self, "length \(length)") {
                try AllNumbers.read(ByteBuffer(bytes: Self.bytes.prefix(length)), version: 0, isFlexible: false)
            }
        }
    }

    @Test func truncationNamesTheField() {
        #expect(throws: WireError.truncated(field: "Int16", needed: 2, remaining: 1)) {
            try AllNumbers.read(ByteBuffer(bytes: Self.bytes.prefix(3)), version: 0, isFlexible: false)
        }
    }

    @Test func numbersAreBigEndian() throws {
        let (message, rest) = try AllNumbers.read(ByteBuffer(bytes: Self.bytes), version: 0, isFlexible: false)
        #expect(rest.readableBytes == 0)
        #expect(message.bool)
        #expect(message.int8 == -2)
        #expect(message.int16 == .min)
        #expect(message.uint16 == 0xfffe)
        #expect(message.int32 == 0x0102_0304)
        #expect(message.int64 == .min + 1)
        #expect(message.float64 == 1.5)
        #expect(message.errorCode == .unknownServerError)
        #expect(message.uuid == TopicID(high: 0x0001_0203_0405_0607, low: 0x0809_0a0b_0c0d_0e0f))
        var output = WireOutput(bytes: ByteBuffer())
        try message.write(to: &output, version: 0, isFlexible: false)
        #expect(Array(output.bytes.readableBytesView) == Self.bytes)
    }

    @Test func anythingButZeroIsTrue() throws {
        let bytes = ByteBuffer(bytes: [0x7f] + Self.bytes.dropFirst())
        #expect(try AllNumbers.read(bytes, version: 0, isFlexible: false).message.bool)
    }
}
