import Model
import NIOCore
import Testing

@testable import Wire

struct WireCoderStringsTests {
    @Test func nullWhereAValueIsRequiredIsRefused() {
        #expect(throws: WireError.unexpectedNull(field: "Text")) { try TextField.read([0xff, 0xff]) }
        #expect(throws: WireError.unexpectedNull(field: "Text")) { try TextField.read([0], isFlexible: true) }
        #expect(throws: WireError.unexpectedNull(field: "Bytes")) { try BytesField.read([0xff, 0xff, 0xff, 0xff]) }
        #expect(throws: WireError.unexpectedNull(field: "Bytes")) { try BytesField.read([0], isFlexible: true) }
    }

    @Test func nullBeforeTheVersionThatAllowsItIsRefused() throws {
        #expect(throws: WireError.unexpectedNull(field: "Text")) {
            try NullableTextField.read([0xff, 0xff], version: 1)
        }
        #expect(throws: WireError.unexpectedNull(field: "Text")) { try NullableTextField(nil).written(version: 1) }
        #expect(try NullableTextField.read([0xff, 0xff], version: 2) == nil)
        #expect(try NullableTextField(nil).written(version: 2) == [0xff, 0xff])
    }

    @Test func lengthsBeyondTheMessageAreRefused() {
        #expect(throws: WireError.badLength(field: "Text", length: 2, remaining: 1)) { try TextField.read([0, 2, 65]) }
        #expect(throws: WireError.badLength(field: "Text", length: 2, remaining: 1)) {
            try TextField.read([3, 65], isFlexible: true)
        }
        #expect(throws: WireError.badLength(field: "Bytes", length: Int(Int32.max), remaining: 1)) {
            try BytesField.read([0x7f, 0xff, 0xff, 0xff, 65])
        }
        #expect(throws: WireError.badLength(field: "Bytes", length: Int(UInt32.max) - 1, remaining: 0)) {
            try BytesField.read([0xff, 0xff, 0xff, 0xff, 0x0f], isFlexible: true)
        }
    }

    @Test func invalidUTF8IsRefused() {
        for bytes in [[0x80], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]] as [[UInt8]] {
            #expect(throws: WireError.invalidUTF8(field: "Text")) {
                try TextField.read([0, UInt8(bytes.count)] + bytes)
            }
        }
    }

    @Test func stringsBeyond32767BytesAreRefusedInBothDirections() throws {
        let text = String(repeating: "a", count: 32_768)
        for isFlexible in [false, true] {
            #expect(throws: WireError.valueTooLong(field: "Text", length: 32_768, limit: 32_767)) {
                try TextField(text).written(isFlexible: isFlexible)
            }
        }
        #expect(throws: WireError.badLength(field: "Text", length: 32_768, remaining: 32_768)) {
            try TextField.read([0x81, 0x80, 0x02] + text.utf8, isFlexible: true)
        }
        let longest = String(repeating: "a", count: 32_767)
        for isFlexible in [false, true] {
            let bytes = try TextField(longest).written(isFlexible: isFlexible)
            #expect(try TextField.read(bytes, isFlexible: isFlexible) == longest)
        }
    }

    @Test func stringsAreReadAndWrittenInBothForms() throws {
        #expect(try TextField("é").written() == [0, 2, 0xc3, 0xa9])
        #expect(try TextField("é").written(isFlexible: true) == [3, 0xc3, 0xa9])
        #expect(try TextField.read([0, 2, 0xc3, 0xa9]) == "é")
        #expect(try TextField.read([3, 0xc3, 0xa9], isFlexible: true) == "é")
        #expect(try TextField("").written() == [0, 0])
        #expect(try TextField("").written(isFlexible: true) == [1])
    }

    @Test func bytesAreReadAndWrittenInBothForms() throws {
        let value = ByteBuffer(bytes: [7, 8])
        #expect(try NullableBytesField(value).written() == [0, 0, 0, 2, 7, 8])
        #expect(try NullableBytesField(value).written(isFlexible: true) == [3, 7, 8])
        #expect(try NullableBytesField(nil).written() == [0xff, 0xff, 0xff, 0xff])
        #expect(try NullableBytesField(nil).written(isFlexible: true) == [0])
        #expect(try NullableBytesField.read([3, 7, 8], isFlexible: true) == value)
        #expect(try NullableBytesField.read([0, 0, 0, 2, 7, 8]) == value)
        #expect(try NullableBytesField.read([0], isFlexible: true) == nil)
        #expect(try BytesField.read([0, 0, 0, 1, 9]) == ByteBuffer(bytes: [9]))
    }

    @Test func recordsAreSlicesOfTheFrame() throws {
        let frame = ByteBuffer(bytes: [0, 0, 0, 3, 1, 2, 3])
        let (message, _) = try BatchesField.read(frame, version: 0, isFlexible: false)
        guard case .bytes(let batches) = message.value else {
            Issue.record("\(message.value)")
            return
        }
        let inFrame = frame.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) + 4 }
        let inField = batches.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(inFrame == inField)
    }

    @Test func recordsOfAFileAreLeftToTheTransport() throws {
        let file = NamedFile()
        let slice = FileSlice(file: file, position: FilePosition(100), length: 300)
        var output = WireOutput(bytes: ByteBuffer())
        try BatchesField(.file(slice)).write(to: &output, version: 0, isFlexible: true)
        try BatchesField(.bytes(ByteBuffer(bytes: [9]))).write(to: &output, version: 0, isFlexible: true)
        try BatchesField(.null).write(to: &output, version: 0, isFlexible: false)
        #expect(Array(output.bytes.readableBytesView) == [0xad, 0x02, 2, 9, 0xff, 0xff, 0xff, 0xff])
        #expect(output.files.map(\.index) == [2])
        #expect(output.files.map(\.slice) == [slice])
        #expect(output.length == 308)
    }
}

/// A file that is only named, never read.
private final class NamedFile: File {
    let path = "file"
    var descriptor: CInt? { nil }
    func size() throws(FileError) -> Int { 0 }
    func read(into buffer: UnsafeMutableRawBufferPointer, at position: FilePosition) throws(FileError) -> Int { 0 }
    func write(
        _ head: UnsafeRawBufferPointer,
        _ tail: UnsafeRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) {}
    func truncate(to size: Int) throws(FileError) {}
    func reserve(from position: FilePosition, length: Int) throws(FileError) {}
    func sync() throws(FileError) {}
    func takeExclusively() throws(FileError) -> Bool { true }
    func map(capacity: Int) throws(FileError) -> any FileMapping { throw FileError("map", path, code: 0) }
}
