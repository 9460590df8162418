import MartletClient
import NIOCore

/// How a line is divided into the parts of a record, with the letters of `martlet consume -f`. Immutable.
///
///     %k key    %s value    %h headers as name=value,name=value    %p partition    %T timestamp
///     %t topic and %o offset are read over    %% a percent sign    \n \r \t \0 \\ \xNN
///
/// Each field ends where the text behind it begins; the last one takes the rest.
struct InputTemplate: Equatable {
    enum Field: Character, CaseIterable {
        case key = "k"
        case value = "s"
        case headers = "h"
        case partition = "p"
        case timestamp = "T"
        case topic = "t"
        case offset = "o"
    }

    /// Why a template cannot be used.
    struct Problem: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// A field and the text behind it, nil for the rest of the line.
    private struct Piece: Equatable {
        let field: Field
        var end: Delimiter?
    }

    /// What each line begins with.
    private let start: [UInt8]
    private let pieces: [Piece]

    init(_ text: String) throws(Problem) {
        var pieces: [Piece] = []
        var start: [UInt8] = []
        var literal: [UInt8] = []
        func close() {
            if pieces.isEmpty {
                start = literal
            } else if !literal.isEmpty {
                pieces[pieces.count - 1].end = Delimiter(bytes: literal)
            }
            literal = []
        }
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let field = try Self.field(rest.popFirst(), in: text) else {
                    literal.append(byte)
                    continue
                }
                if pieces.contains(where: { $0.field == field }) {
                    throw Problem(description: "format '\(text)' has %\(field.rawValue) twice")
                }
                if let last = pieces.last, literal.isEmpty {
                    throw Problem(
                        description: "format '\(text)' has nothing between %\(last.field.rawValue) and "
                            + "%\(field.rawValue) to tell where the one ends"
                    )
                }
                close()
                pieces.append(Piece(field: field))
            case UInt8(ascii: "\\"):
                do throws(Escapes.Problem) { literal.append(try Escapes.escaped(&rest, in: text)) } catch {
                    throw Problem(description: error.description)
                }
            default: literal.append(byte)
            }
        }
        close()
        if pieces.isEmpty { throw Problem(description: "format '\(text)' has no field, such as %s") }
        self.start = start
        self.pieces = pieces
    }

    private static func field(_ letter: UInt8?, in text: String) throws(Problem) -> Field? {
        guard let letter else { throw Problem(description: "format '\(text)' ends with %") }
        if letter == UInt8(ascii: "%") { return nil }
        guard let field = Field(rawValue: Character(Unicode.Scalar(letter))) else {
            let known = Field.allCases.map { "%\($0.rawValue)" }.joined(separator: " ")
            let name = String(decoding: [letter], as: UTF8.self)
            throw Problem(description: "format '\(text)': %\(name) is unknown; known are \(known) %%")
        }
        return field
    }

    func record(_ line: ByteBuffer, _ defaults: RecordDefaults) throws(BadRecord) -> ProducerRecord {
        var rest = line
        guard rest.readSlice(length: start.count).map({ $0.readableBytesView.elementsEqual(start) }) ?? false else {
            throw BadRecord(description: "it does not begin with '\(String(decoding: start, as: UTF8.self))'")
        }
        var fields: [Field: ByteBuffer] = [:]
        for piece in pieces { fields[piece.field] = try Self.take(piece, from: &rest) }
        return try defaults.record(
            key: fields[.key],
            value: fields[.value],
            headers: try fields[.headers].map { field throws(BadRecord) in try Self.headers(field, defaults) } ?? [],
            partition: try fields[.partition].map(Self.partition),
            timestamp: try fields[.timestamp].flatMap(Self.timestamp)
        )
    }

    private static func take(_ piece: Piece, from rest: inout ByteBuffer) throws(BadRecord) -> ByteBuffer? {
        guard let delimiter = piece.end else { return rest.readSlice(length: rest.readableBytes) }
        guard let end = rest.withUnsafeReadableBytes({ delimiter.firstIndex(in: $0) }) else {
            let text = String(decoding: delimiter.bytes, as: UTF8.self)
            throw BadRecord(description: "there is no '\(text)' behind %\(piece.field.rawValue)")
        }
        defer { rest.moveReaderIndex(forwardBy: delimiter.bytes.count) }
        return rest.readSlice(length: end)
    }

    private static func text(_ field: ByteBuffer) -> String { String(decoding: field.readableBytesView, as: UTF8.self) }

    private static func partition(_ field: ByteBuffer) throws(BadRecord) -> Int32 {
        guard let partition = Int32(text(field)), partition >= 0 else {
            throw BadRecord(description: "'\(text(field))' is no partition")
        }
        return partition
    }

    /// nil for −1, which stands for none.
    private static func timestamp(_ field: ByteBuffer) throws(BadRecord) -> Int64? {
        let text = text(field)
        if text == "-1" { return nil }
        guard let time = TimeParser.milliseconds(text) else { throw BadRecord(description: "'\(text)' is no time") }
        return time
    }

    private static func headers(_ field: ByteBuffer, _ defaults: RecordDefaults) throws(BadRecord) -> [RecordHeader] {
        var headers: [RecordHeader] = []
        for part in field.readableBytesView.split(separator: UInt8(ascii: ",")) {
            let sides = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let name = String(validating: sides[0], as: UTF8.self), !name.isEmpty else {
                throw BadRecord(description: "'\(String(decoding: part, as: UTF8.self))' is no header: name=value")
            }
            let value = try defaults.decoded(ByteBuffer(bytes: sides[1]), "the header '\(name)'")
            headers.append(RecordHeader(name: name, value: value))
        }
        return headers
    }
}
