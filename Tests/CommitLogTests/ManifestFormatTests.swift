import Model
import Testing

@testable import CommitLog

@Suite struct ManifestFormatTests {
    private let manifest: Manifest = {
        var manifest = Manifest()
        manifest.generation = 3
        manifest.compactedTo = Offset(300)
        manifest.compactedAt = Timestamp(milliseconds: 1_700_000_000_000)
        manifest.tombstonesExpire = Timestamp(milliseconds: 1_700_000_000_001)
        manifest.segments = [
            Manifest.Segment(
                baseOffset: Offset(0),
                lastOffset: Offset(199),
                size: 4096,
                checksum: 0xdead_beef,
                hasGaps: true
            ),
            Manifest.Segment(baseOffset: Offset(200), lastOffset: Offset(299), size: 70, checksum: nil),
        ]
        manifest.replacement = Manifest.Replacement(base: Offset(0), sources: [Offset(0), Offset(100)])
        return manifest
    }()

    private static let golden: [UInt8] =
        [0x4d, 0x53, 0x45, 0x47, 0, 1]
        + [0, 0, 0, 0]
        + [0, 0, 0, 0, 0, 0, 0, 3]
        + [0, 0, 0, 0, 0, 0, 1, 0x2c]
        + [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0]
        + [0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 1]
        + [0, 0, 0, 2]
        + [0, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0xc7] + [0, 0, 0, 0, 0, 0, 0x10, 0]
        + [3, 0xde, 0xad, 0xbe, 0xef]
        + [0, 0, 0, 0, 0, 0, 0, 0xc8] + [0, 0, 0, 0, 0, 0, 1, 0x2b] + [0, 0, 0, 0, 0, 0, 0, 0x46]
        + [0, 0, 0, 0, 0]
        + [0, 0, 0, 2]
        + [0, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0x64]

    @Test func everyDamagedByteIsNoticed() throws {
        let bytes = ManifestFormat.encode(manifest)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 0x10
            #expect(throws: LogError.self, "byte \(position)") {
                try ManifestFormat.decode(damaged, path: "segments.manifest")
            }
            #expect(throws: LogError.self, "cut at \(position)") {
                try ManifestFormat.decode(Array(bytes[..<position]), path: "segments.manifest")
            }
        }
    }

    @Test func theBytesAreAsDocumented() throws {
        let bytes = ManifestFormat.encode(manifest)
        let isChecksum = { (position: Int) in (6..<10).contains(position) }
        for (position, byte) in Self.golden.enumerated() where !isChecksum(position) {
            #expect(bytes[position] == byte, "byte \(position)")
        }
        #expect(bytes.count == Self.golden.count)
        #expect(try ManifestFormat.decode(bytes, path: "segments.manifest") == manifest)
    }

    @Test func anUnknownVersionIsRefusedAndLeftAlone() {
        let body = Array(ManifestFormat.encode(Manifest()).dropFirst(ChecksummedFile.bodyPosition))
        let bytes = ChecksummedFile.wrap(body, magic: ManifestFormat.magic, version: 2)
        #expect(throws: LogError.unsupportedFormat(path: "m", "its version is 2, known is 1")) {
            try ManifestFormat.decode(bytes, path: "m")
        }
    }
}
