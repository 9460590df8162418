import MartletClient
import NIOCore

/// A record's layout as kcat's format strings say it. Immutable.
///
///     %t topic    %p partition    %o offset    %T timestamp in milliseconds
///     %k key      %K its length in bytes, −1 for null
///     %s value    %S its length in bytes, −1 for null    %R its length in four bytes, big-endian
///     %h headers as name=value,name=value    %% a percent sign
///     \n \r \t \0 \\ \xNN
struct FormatTemplate: Equatable {
    enum Piece: Equatable {
        case bytes([UInt8])
        case topic, partition, offset, timestamp
        case key, keyLength
        case value, valueLength, valueLengthBinary
        case headers
    }

    /// Why a format cannot be read.
    struct Problem: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    let pieces: [Piece]

    /// The value and a newline.
    static let plain = FormatTemplate(pieces: [.value, .bytes([UInt8(ascii: "\n")])])

    private init(pieces: [Piece]) { self.pieces = pieces }

    init(_ text: String) throws(Problem) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let piece = try Self.piece(rest.popFirst(), in: text) else {
                    literal.append(byte)
                    continue
                }
                if !literal.isEmpty { pieces.append(.bytes(literal)) }
                literal = []
                pieces.append(piece)
            case UInt8(ascii: "\\"):
                do throws(Escapes.Problem) {
                    literal.append(try Escapes.escaped(&rest, in: text))
                } catch {
                    throw Problem(description: error.description)
                }
            default: literal.append(byte)
            }
        }
        if !literal.isEmpty { pieces.append(.bytes(literal)) }
        self.pieces = pieces
    }

    /// What a letter stands for; nil for the percent sign.
    private static func piece(_ letter: UInt8?, in text: String) throws(Problem) -> Piece? {
        switch letter {
        case UInt8(ascii: "%"): return nil
        case UInt8(ascii: "t"): return .topic
        case UInt8(ascii: "p"): return .partition
        case UInt8(ascii: "o"): return .offset
        case UInt8(ascii: "T"): return .timestamp
        case UInt8(ascii: "k"): return .key
        case UInt8(ascii: "K"): return .keyLength
        case UInt8(ascii: "s"): return .value
        case UInt8(ascii: "S"): return .valueLength
        case UInt8(ascii: "R"): return .valueLengthBinary
        case UInt8(ascii: "h"): return .headers
        case nil: throw Problem(description: "format '\(text)' ends with %")
        case let other?:
            let name = String(decoding: [other], as: UTF8.self)
            throw Problem(
                description: "format '\(text)': %\(name) is unknown; known are %t %p %o %T %k %K %s %S %R %h %%"
            )
        }
    }

    /// Appends the record.
    ///
    /// - Parameter inBase64: Whether key, value and the headers' values are written in base 64.
    func write(_ record: ConsumedRecord, inBase64: Bool = false, to bytes: inout [UInt8]) {
        for piece in pieces {
            switch piece {
            case .bytes(let literal): bytes.append(contentsOf: literal)
            case .topic: bytes.append(contentsOf: record.topic.utf8)
            case .partition: bytes.append(contentsOf: String(record.partition).utf8)
            case .offset: bytes.append(contentsOf: String(record.offset).utf8)
            case .timestamp: bytes.append(contentsOf: String(record.timestamp).utf8)
            case .key: Self.write(record.key, inBase64, to: &bytes)
            case .keyLength: bytes.append(contentsOf: String(record.key?.readableBytes ?? -1).utf8)
            case .value: Self.write(record.value, inBase64, to: &bytes)
            case .valueLength: bytes.append(contentsOf: String(record.value?.readableBytes ?? -1).utf8)
            case .valueLengthBinary:
                let length = Int32(clamping: record.value?.readableBytes ?? -1)
                withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) }
            case .headers: Self.write(record.headers, inBase64, to: &bytes)
            }
        }
    }

    private static func write(_ field: ByteBuffer?, _ inBase64: Bool, to bytes: inout [UInt8]) {
        guard let field else { return }
        if inBase64 {
            bytes.append(contentsOf: Base64.encode(field.readableBytesView).utf8)
        } else {
            field.withUnsafeReadableBytes { bytes.append(contentsOf: $0) }
        }
    }

    private static func write(_ headers: [RecordHeader], _ inBase64: Bool, to bytes: inout [UInt8]) {
        for (index, header) in headers.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: header.name.utf8)
            bytes.append(UInt8(ascii: "="))
            // As kcat prints it.
            if let value = header.value {
                write(value, inBase64, to: &bytes)
            } else {
                bytes.append(contentsOf: "NULL".utf8)
            }
        }
    }
}
