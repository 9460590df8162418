import NIOCore
import Testing

@testable import Records

@Suite struct VarintTests {
    private static let edges: [Int64] = (0..<64).flatMap { shift in
        let power = Int64(bitPattern: 1 << UInt64(shift))
        return [power, power &- 1, ~power, 0 &- power]
    }

    @Test func allPowersOfTwoAreReadAsTheyWereWritten() throws {
        for value in Self.edges {
            let expected = varint(value)
            #expect(Varint.length(value) == expected.count, "\(value)")
            let written = withUnsafeTemporaryAllocation(byteCount: 10, alignment: 1) { space in
                var writer = RecordWriter(space)
                writer.varint(value)
                return Array(space.prefix(writer.position))
            }
            #expect(written == expected, "\(value)")
            #expect(try read(expected) { cursor throws(RecordProblem) in try cursor.varlong(.key) } == value)
        }
    }

    @Test func narrowIntegersEndAtThirtyTwoBits() throws {
        for value in Self.edges {
            let bytes = varint(value)
            if let narrow = Int32(exactly: value) {
                #expect(try read(bytes) { cursor throws(RecordProblem) in try cursor.varint(.key) } == narrow)
            } else {
                #expect(throws: RecordProblem.badVarint(.key), "\(value)") {
                    try read(bytes) { cursor throws(RecordProblem) in try cursor.varint(.key) }
                }
            }
        }
    }

    @Test func everyTruncationIsRefused() {
        for value in Self.edges {
            let bytes = varint(value)
            for length in 0..<bytes.count {
                #expect(throws: RecordProblem.truncated(.key)) {
                    try read(Array(bytes.prefix(length))) { cursor throws(RecordProblem) in try cursor.varlong(.key) }
                }
            }
        }
    }

    @Test func leadingZeroesAreReadUpToTheLongestForm() throws {
        let padded: [UInt8] = [0x82, 0x80, 0x80, 0x80, 0x00]
        #expect(try read(padded) { cursor throws(RecordProblem) in try cursor.varint(.key) } == 1)
        #expect(throws: RecordProblem.badVarint(.key)) {
            try read([0x82, 0x80, 0x80, 0x80, 0x80, 0x00]) { cursor throws(RecordProblem) in try cursor.varint(.key) }
        }
    }

    private func read<Value>(
        _ bytes: [UInt8],
        _ body: (inout RecordCursor) throws(RecordProblem) -> Value
    ) throws(RecordProblem) -> Value {
        try ByteBuffer(bytes: bytes).withUnsafeReadableBytes { bytes throws(RecordProblem) in
            var cursor = RecordCursor(bytes)
            return try body(&cursor)
        }
    }
}
