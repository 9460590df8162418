import NIOCore
import Testing

@testable import Wire

struct WireCoderTagsTests {
    @Test func tagsOutOfOrderAreRefused() {
        #expect(throws: WireError.badTag(tag: 0, reason: "follows tag 3")) {
            try TaggedPair.read([2, 3, 2, 2, 65, 0, 4, 0, 0, 0, 1])
        }
    }

    @Test func repeatedTagsAreRefused() {
        #expect(throws: WireError.badTag(tag: 0, reason: "follows tag 0")) {
            try TaggedPair.read([2, 0, 4, 0, 0, 0, 1, 0, 4, 0, 0, 0, 2])
        }
    }

    @Test func moreTagsThanAStructureMayHaveAreRefused() {
        #expect(throws: WireError.badTag(tag: 0, reason: "1025 tagged fields in one structure")) {
            try TaggedPair.read([0x81, 0x08])
        }
    }

    @Test func sizesBeyondTheMessageAreRefused() {
        #expect(throws: WireError.badLength(field: "tagged field", length: 5, remaining: 4)) {
            try TaggedPair.read([1, 0, 5, 0, 0, 0, 1])
        }
        #expect(throws: WireError.badLength(field: "tagged field", length: Int(UInt32.max), remaining: 0)) {
            try TaggedPair.read([1, 9, 0xff, 0xff, 0xff, 0xff, 0x0f])
        }
    }

    @Test func aFieldMayNotReachBeyondItsSize() {
        #expect(throws: WireError.truncated(field: "Number", needed: 4, remaining: 3)) {
            try TaggedPair.read([1, 0, 3, 0, 0, 0, 1])
        }
    }

    @Test func aFieldMustFillItsSize() {
        #expect(throws: WireError.badTag(tag: 0, reason: "1 of its 5 bytes are left over")) {
            try TaggedPair.read([1, 0, 5, 0, 0, 0, 1, 0])
        }
    }

    @Test func everyPrefixIsTruncated() {
        let bytes: [UInt8] = [3, 0, 4, 0, 0, 0, 1, 2, 1, 0xaa, 3, 2, 2, 65]
        for length in 0..<bytes.count {
            #expect(throws: WireError.self, "length \(length)") { try TaggedPair.read(Array(bytes.prefix(length))) }
        }
    }

    @Test func unknownTagsAreSkipped() throws {
        // Tag 2 between those that are known, tag 40 beyond the set, tag 2³²−1 at the very end.
        let bytes: [UInt8] =
            [5, 0, 4, 0, 0, 0, 1, 2, 1, 0xaa, 3, 2, 2, 65, 40, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0xbb]
        let pair = try TaggedPair.read(bytes)
        #expect(pair.number == 1)
        #expect(pair.text == "A")
    }

    @Test func tagsOfLaterVersionsAreSkippedAndNotWritten() throws {
        let pair = try TaggedPair.read([1, 3, 2, 2, 65], version: 1)
        #expect(pair.text == nil)
        var full = TaggedPair()
        full.text = "A"
        #expect(try full.written(version: 1) == [0])
    }

    @Test func defaultsAreNotWritten() throws {
        #expect(try TaggedPair().written() == [0])
        var pair = TaggedPair()
        pair.text = "A"
        #expect(try pair.written() == [1, 3, 2, 2, 65])
        pair.number = 1
        #expect(try pair.written() == [2, 0, 4, 0, 0, 0, 1, 3, 2, 2, 65])
    }

    @Test func sizesMayTakeTwoBytes() throws {
        var pair = TaggedPair()
        pair.text = String(repeating: "a", count: 200)
        let bytes = try pair.written()
        #expect(bytes.prefix(6) == [1, 3, 0xca, 0x01, 0xc9, 0x01])
        #expect(try TaggedPair.read(bytes) == pair)
    }

    @Test func versionsThatAreNotFlexibleHaveNoTags() throws {
        var pair = TaggedPair()
        pair.number = 1
        var output = WireOutput(bytes: ByteBuffer())
        try pair.write(to: &output, version: 2, isFlexible: false)
        #expect(output.bytes.readableBytes == 0)
    }

    @Test func setsHoldTagsBelow32() {
        let set: TagSet = .tag(0) | .tag(31) | .tag(5, if: false)
        #expect(set.contains(0) && set.contains(31))
        #expect(!set.contains(5) && !set.contains(32) && !set.contains(64))
        #expect(set.count == 2)
        #expect(set & .tag(31) == .tag(31))
    }
}
