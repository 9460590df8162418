import Model
import NIOCore
import Testing

@testable import Wire

struct WireCoderArraysTests {
    @Test func countsBeyondTheMessageAreRefusedBeforeAnythingIsAllocated() {
        #expect(throws: WireError.badLength(field: "Texts", length: Int(Int32.max), remaining: 1)) {
            try TextsField.read([0x7f, 0xff, 0xff, 0xff, 0])
        }
        #expect(throws: WireError.badLength(field: "Texts", length: Int(UInt32.max) - 1, remaining: 1)) {
            try TextsField.read([0xff, 0xff, 0xff, 0xff, 0x0f, 0], isFlexible: true)
        }
        // Two integers take eight bytes, and seven are left.
        #expect(throws: WireError.badLength(field: "Numbers", length: 2, remaining: 7)) {
            try NumbersField.read([0, 0, 0, 2] + [UInt8](repeating: 0, count: 7))
        }
        #expect(throws: WireError.badLength(field: "Texts", length: -2, remaining: 0)) {
            try TextsField.read([0xff, 0xff, 0xff, 0xfe])
        }
    }

    @Test func moreElementsThanAMessageMayHaveAreRefused() throws {
        let limit = WireLimits.elements
        let text = [UInt8](repeating: 1, count: limit + 1)  // as many empty strings
        #expect(throws: WireError.tooManyElements(field: "Texts", limit: limit)) {
            try TextsField.read(varint(limit + 2) + text, isFlexible: true)
        }
        let longest = try TextsField.read(varint(limit + 1) + text.dropLast(), isFlexible: true)
        #expect(longest.count == limit)
    }

    /// The elements of all arrays of a message are added up, so that nesting does not multiply the limit.
    @Test func nestedArraysShareTheLimit() {
        struct Nested: WireStruct {
            var inner: [TextsField] = []
            mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.array("Inner", &inner) }
        }
        let perArray = 100_000
        let inner = varint(perArray + 1) + [UInt8](repeating: 1, count: perArray)
        let bytes = varint(5 + 1) + (0..<5).flatMap { _ in inner }
        #expect(throws: WireError.tooManyElements(field: "Texts", limit: WireLimits.elements)) {
            try Nested.read(ByteBuffer(bytes: bytes), version: 0, isFlexible: true)
        }
    }

    /// Integers take no more memory than bytes on the wire, so that large metadata is not refused.
    @Test func integersDoNotCountAgainstTheLimit() throws {
        let count = WireLimits.elements + 1
        let bytes = varint(count + 1) + [UInt8](repeating: 0, count: 4 * count)
        #expect(try NumbersField.read(bytes, isFlexible: true).count == count)
    }

    @Test func nullWhereAnArrayIsRequiredIsRefused() throws {
        #expect(throws: WireError.unexpectedNull(field: "Texts")) { try TextsField.read([0], isFlexible: true) }
        #expect(throws: WireError.unexpectedNull(field: "Array")) { try NullableArrayField(nil).written(version: 1) }
        #expect(throws: WireError.unexpectedNull(field: "Array")) {
            try NullableArrayField.read([0xff, 0xff, 0xff, 0xff], version: 1)
        }
        #expect(try NullableArrayField.read([0xff, 0xff, 0xff, 0xff], version: 2) == nil)
        #expect(try NullableArrayField(nil).written(version: 2) == [0xff, 0xff, 0xff, 0xff])
        #expect(try NullableArrayField(nil).written(isFlexible: true, version: 2) == [0])
    }

    @Test func arraysAreReadAndWrittenInBothForms() throws {
        #expect(try NumbersField([1, -1]).written() == [0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff])
        #expect(try NumbersField([1]).written(isFlexible: true) == [2, 0, 0, 0, 1])
        #expect(try NumbersField.read([2, 0, 0, 0, 1], isFlexible: true) == [1])
        #expect(try TextsField([]).written() == [0, 0, 0, 0])
        #expect(try TextsField.read([0, 0, 0, 1, 0, 1, 65]) == ["A"])
    }

    @Test func absentStructuresAreMarked() throws {
        #expect(try NullableStructureField(nil).written(isFlexible: true) == [0xff])
        #expect(try NullableStructureField(TextField("A")).written(isFlexible: true) == [1, 2, 65])
        #expect(try NullableStructureField.read([0xff], isFlexible: true) == nil)
        #expect(try NullableStructureField.read([1, 2, 65], isFlexible: true) == TextField("A"))
    }

    private func varint(_ value: Int) -> [UInt8] {
        var coder = WireCoder.writer(WireOutput(bytes: ByteBuffer()), version: 0, isFlexible: true)
        coder.writeVarint(UInt32(value))
        return Array(coder.output.bytes.readableBytesView)
    }
}
