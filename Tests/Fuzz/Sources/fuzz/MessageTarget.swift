import Model
import NIOCore
import Wire

/// Every message at every version: the first byte chooses the message, the second the version, the rest is its body.
///
/// What can be read can be written, and is the same when it is read again.
enum MessageTarget: FuzzTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 else { return }
        let kind = WireCatalogue.all[Int(input[0]) % WireCatalogue.all.count]
        let versions = kind.api.versions
        let version = versions.lowerBound + Int16(input[1]) % Int16(versions.count)
        check(kind, version, ByteBuffer(bytes: input.dropFirst(2)))
    }

    static func check(_ kind: MessageKind, _ version: Int16, _ body: ByteBuffer) {
        guard let (message, _) = try? kind.read(body, version: version) else { return }
        do {
            _ = try kind.describe(message, version: version).json
            let written = try kind.write(message, version: version)
            let (again, rest) = try kind.read(written, version: version)
            invariant(again.isEqual(to: message), "\(kind) \(version) changes when it is written and read again")
            invariant(rest.readableBytes == 0, "\(kind) \(version) leaves bytes of its own unread")
        } catch {
            invariant(false, "\(kind) \(version) was read but cannot be written: \(error)")
        }
    }

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for (index, kind) in WireCatalogue.all.enumerated() {
            for version in kind.api.versions {
                let seed = UInt64(index) << 8 | UInt64(version)
                guard let sample = try? kind.sample(seed: seed, version: version),
                    let body = try? kind.write(sample, version: version)
                else { continue }
                let offset = version - kind.api.versions.lowerBound
                seeds.append([UInt8(index), UInt8(offset)] + Array(body.readableBytesView))
            }
        }
        return seeds
    }
}
