import NIOCore

/// A set of tags below 32, one bit each. Immutable.
///
/// No `OptionSet`: its array literals may allocate, and every partition of a Fetch makes two of these.
package struct TagSet: Equatable, Sendable {
    private let bits: UInt32

    /// The number of tags a set can hold.
    static let capacity = 32

    package static let none = TagSet(bits: 0)

    /// The set of one tag, or the empty set if the condition does not hold.
    package static func tag(_ tag: Int, if condition: Bool = true) -> TagSet {
        TagSet(bits: condition ? 1 << UInt32(tag) : 0)
    }

    package static func | (left: TagSet, right: TagSet) -> TagSet { TagSet(bits: left.bits | right.bits) }

    static func & (left: TagSet, right: TagSet) -> TagSet { TagSet(bits: left.bits & right.bits) }

    var count: Int { bits.nonzeroBitCount }

    func contains(_ tag: Int) -> Bool { tag < Self.capacity && bits & 1 << UInt32(tag) != 0 }
}

/// The tagged fields at the end of every structure of a flexible version (KIP-482).
///
/// On the wire: their number, then of each the tag, the size and the bytes; all three numbers are of variable length.
/// Tags ascend.
extension WireCoder {
    /// The end of a structure that knows no tagged fields: skips those of newer peers. Nothing before flexible versions.
    package mutating func taggedFields() throws(WireError) {
        try taggedFields(known: .none, present: .none) { (_, _) throws(WireError) in }
    }

    /// The end of a structure with tagged fields. Nothing before flexible versions.
    ///
    /// - Parameters:
    ///   - known: The tags that exist in this version.
    ///   - present: The tags to write: those whose value is not the default.
    ///   - body: Codes the field of one tag. May not contain records of a file.
    package mutating func taggedFields(
        known: TagSet,
        present: TagSet,
        _ body: (_ tag: Int, _ wire: inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        guard isFlexible else { return }
        switch mode {
        case .read: try readTags(known: known, body)
        case .write: try writeTags(present & known, body)
        case .sample:
            for tag in 0..<TagSet.capacity where known.contains(tag) && Bool.random(using: &generator) {
                try body(tag, &self)
            }
        case .describe:
            for tag in 0..<TagSet.capacity where known.contains(tag) { try body(tag, &self) }
        }
    }

    private mutating func readTags(
        known: TagSet,
        _ body: (Int, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        let count = Int(try readVarint("tagged field count"))
        if count == 0 { return }
        guard count <= WireLimits.tags else { throw .badTag(tag: 0, reason: "\(count) tagged fields in one structure") }
        var previous = -1
        for _ in 0..<count {
            let tag = Int(try readVarint("tag"))
            guard tag > previous else { throw .badTag(tag: tag, reason: "follows tag \(previous)") }
            previous = tag
            let size = Int(try readVarint("tagged field size"))
            let field = try readSlice("tagged field", size)
            guard known.contains(tag) else { continue }
            let rest = buffer
            buffer = field
            try body(tag, &self)
            guard buffer.readableBytes == 0 else {
                throw .badTag(tag: tag, reason: "\(buffer.readableBytes) of its \(size) bytes are left over")
            }
            buffer = rest
        }
    }

    private mutating func writeTags(
        _ present: TagSet,
        _ body: (Int, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        writeVarint(UInt32(present.count))
        if present == .none { return }
        for tag in 0..<TagSet.capacity where present.contains(tag) {
            let written = buffer
            // The size comes first and is not known before the field is written.
            buffer = ByteBuffer()
            try body(tag, &self)
            let field = buffer
            buffer = written
            writeVarint(UInt32(tag))
            writeVarint(UInt32(field.readableBytes))
            buffer.writeImmutableBuffer(field)
        }
    }
}
