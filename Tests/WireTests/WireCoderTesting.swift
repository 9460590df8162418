import NIOCore
import Testing

@testable import Wire

/// A structure of one field, to try the coder with. The field's coding is given by the type.
protocol OneField: WireStruct {
    associatedtype Value
    var value: Value { get set }
}

extension OneField {
    init(_ value: Value) {
        self.init()
        self.value = value
    }

    /// The field's bytes, without the tagged fields that end a structure of a flexible version.
    func written(isFlexible: Bool = false, version: Int16 = 0) throws(WireError) -> [UInt8] {
        var output = WireOutput(bytes: ByteBuffer())
        try write(to: &output, version: version, isFlexible: isFlexible)
        return Array(output.bytes.readableBytesView)
    }

    /// Reads the field from all of the bytes.
    static func read(_ bytes: [UInt8], isFlexible: Bool = false, version: Int16 = 0) throws -> Value {
        let (message, rest) = try read(ByteBuffer(bytes: bytes), version: version, isFlexible: isFlexible)
        #expect(rest.readableBytes == 0)
        return message.value
    }
}

struct TextField: OneField {
    var value = ""
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.string("Text", &value) }
}

/// A text that may be null from version 2 on.
struct NullableTextField: OneField {
    var value: String?
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.nullableString("Text", &value, from: 2) }
}

struct BytesField: OneField {
    var value = ByteBuffer()
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.bytes("Bytes", &value) }
}

struct NullableBytesField: OneField {
    var value: ByteBuffer?
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.nullableBytes("Bytes", &value) }
}

struct BatchesField: OneField {
    var value = RecordsField.null
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.records("Records", &value) }
}

struct NumbersField: OneField {
    var value: [Int32] = []
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.int32s("Numbers", &value) }
}

struct TextsField: OneField {
    var value: [String] = []
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.strings("Texts", &value) }
}

/// An array that may be null from version 2 on.
struct NullableArrayField: OneField {
    var value: [TextField]?
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.nullableArray("Array", &value, from: 2) }
}

struct NullableStructureField: OneField {
    var value: TextField?
    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.nullableStructure("Structure", &value) }
}

/// Tags 0 and 3, of which 3 exists from version 2 on.
struct TaggedPair: WireStruct {
    var number: Int32 = -1
    var text: String?

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        let known: TagSet = .tag(0) | .tag(3, if: wire.version >= 2)
        let present: TagSet = .tag(0, if: number != -1) | .tag(3, if: text != nil)
        try wire.taggedFields(known: known, present: present) { (tag, wire) throws(WireError) in
            switch tag {
            case 0: try wire.int32("Number", &number)
            default: try wire.nullableString("Text", &text)
            }
        }
    }

    static func read(_ bytes: [UInt8], version: Int16 = 2) throws(WireError) -> TaggedPair {
        try read(ByteBuffer(bytes: bytes), version: version, isFlexible: true).message
    }

    func written(version: Int16 = 2) throws(WireError) -> [UInt8] {
        var output = WireOutput(bytes: ByteBuffer())
        try write(to: &output, version: version, isFlexible: true)
        return Array(output.bytes.readableBytesView)
    }
}
