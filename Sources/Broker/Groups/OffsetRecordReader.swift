import Groups
import Model
import NIOCore

/// Reads committed offsets as they are nearly always written: in the newest versions, without a note, for the group and the
/// topic of the record before. That makes loading a log of millions of commits three times as fast as
/// ``GroupRecordFormat`` alone, which has the format and reads everything else. A value, owned by whoever loads.
struct OffsetRecordReader {
    /// A text with its bytes, so that the same bytes need not be made a text again.
    private struct Text {
        var bytes: [UInt8] = []
        var string = ""

        /// False if the bytes are no text.
        mutating func set(_ new: Slice<UnsafeRawBufferPointer>) -> Bool {
            if new.elementsEqual(bytes) { return true }
            guard let text = String(validating: new, as: UTF8.self) else { return false }
            bytes = Array(new)
            string = text
            return true
        }
    }

    private static let valueVersion: Int16 = 3
    /// Version, offset, leader epoch, length of the note, time of the commit.
    private static let valueLength = 2 + 8 + 4 + 2 + 8

    private var group = Text()
    private var topic = Text()

    /// Nil if the record is another one, whatever it is.
    mutating func read(key: ByteBuffer, value: ByteBuffer) -> GroupRecord? {
        guard let offset = value.withUnsafeReadableBytes(Self.offset) else { return nil }
        guard let partition = key.withUnsafeReadableBytes({ readKey($0) }) else { return nil }
        return .offset(GroupID(group.string), TopicPartition(topic.string, partition), offset)
    }

    /// The partition; group and topic are what was read last afterwards.
    private mutating func readKey(_ key: UnsafeRawBufferPointer) -> Int32? {
        guard Self.number(key, at: 0, Int16.self) == GroupRecordFormat.KeyVersion.offset,
            let groupEnd = Self.text(key, at: 2, into: &group),
            let topicEnd = Self.text(key, at: groupEnd, into: &topic),
            key.count == topicEnd + MemoryLayout<Int32>.size
        else { return nil }
        return Self.number(key, at: topicEnd, Int32.self)
    }

    private static func offset(_ value: UnsafeRawBufferPointer) -> CommittedOffset? {
        guard value.count == valueLength, number(value, at: 0, Int16.self) == valueVersion,
            let offset = number(value, at: 2, Int64.self), let epoch = number(value, at: 10, Int32.self),
            number(value, at: 14, Int16.self) == 0, let committed = number(value, at: 16, Int64.self)
        else { return nil }
        return CommittedOffset(
            offset: Offset(offset),
            leaderEpoch: LeaderEpoch(epoch),
            committed: Timestamp(milliseconds: committed)
        )
    }

    /// Where the text ends that stands at this position, behind its length of two bytes.
    private static func text(_ bytes: UnsafeRawBufferPointer, at position: Int, into text: inout Text) -> Int? {
        guard let length = number(bytes, at: position, Int16.self), length >= 0 else { return nil }
        let start = position + MemoryLayout<Int16>.size
        let end = start + Int(length)
        guard end <= bytes.count, text.set(bytes[start..<end]) else { return nil }
        return end
    }

    private static func number<Number: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer,
        at position: Int,
        _ type: Number.Type
    ) -> Number? {
        guard position + MemoryLayout<Number>.size <= bytes.count else { return nil }
        return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
}
