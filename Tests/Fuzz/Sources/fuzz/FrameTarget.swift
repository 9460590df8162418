import Model
import NIOCore
import Wire

/// A whole request as a server sees it: header, then the body that the header announces.
enum FrameTarget: FuzzTarget {
    private static let requests = WireCatalogue.all.filter(\.isRequest)

    static func run(_ input: UnsafeRawBufferPointer) {
        var frame = ByteBuffer(bytes: input)
        let isFlexible = { (key: APIKey, version: Int16) in
            requests.first { $0.api.key == key }?.api.isFlexible(version) ?? false
        }
        guard let header = try? RequestHeader.read(&frame, isFlexible: isFlexible) else { return }
        guard let kind = requests.first(where: { $0.api.key == header.key }) else { return }
        guard kind.api.versions.contains(header.version) else { return }
        MessageTarget.check(kind, header.version, frame)
    }

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for kind in requests {
            for version in [kind.api.versions.lowerBound, kind.api.versions.upperBound] {
                let header = RequestHeader(key: kind.api.key, version: version, correlationID: 7, clientID: "fuzz")
                var frame = WireOutput(bytes: ByteBuffer())
                guard (try? header.write(to: &frame, isFlexible: kind.api.isFlexible(version))) != nil,
                    let sample = try? kind.sample(seed: UInt64(version), version: version),
                    let body = try? kind.write(sample, version: version)
                else { continue }
                seeds.append(Array(frame.bytes.readableBytesView) + Array(body.readableBytesView))
            }
        }
        return seeds
    }
}
