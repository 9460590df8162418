import Model
import NIOCore
import Testing

@testable import Wire

struct FrameTests {
    @Test func everyPrefixOfAHeaderIsTruncated() {
        let bytes: [UInt8] = [0, 18, 0, 3, 0, 0, 0, 7, 0, 2, 99, 108, 0]
        for length in 0..<bytes.count {
            #expect(throws: WireError.self, "length \(length)") {
                var frame = ByteBuffer(bytes: bytes.prefix(length))
                _ = try RequestHeader.read(&frame) { _, _ in true }
            }
        }
    }

    /// KIP-511: the length of the client id stays two bytes.
    @Test func headersAreReadUpToTheBody() throws {
        var frame = ByteBuffer(bytes: [0, 18, 0, 3, 0, 0, 0, 7, 0, 2, 99, 108, 1, 9, 1, 0xaa, 0xbb])
        let header = try RequestHeader.read(&frame) { key, version in
            #expect(key == .apiVersions && version == 3)
            return true
        }
        #expect(header == RequestHeader(key: .apiVersions, version: 3, correlationID: 7, clientID: "cl"))
        #expect(Array(frame.readableBytesView) == [0xbb])
    }

    @Test func aClientNeedsNoId() throws {
        var frame = ByteBuffer(bytes: [0, 1, 0, 4, 0, 0, 0, 7, 0xff, 0xff])
        let header = try RequestHeader.read(&frame) { _, _ in false }
        #expect(header.clientID == nil)
        #expect(frame.readableBytes == 0)
    }

    @Test func headersAreReadAsTheyWereWritten() throws {
        for isFlexible in [false, true] {
            for clientID in [nil, "", "client ü"] {
                let header = RequestHeader(key: .fetch, version: 12, correlationID: .min, clientID: clientID)
                var output = WireOutput(bytes: ByteBuffer())
                try header.write(to: &output, isFlexible: isFlexible)
                #expect(try RequestHeader.read(&output.bytes) { _, _ in isFlexible } == header)
                #expect(output.bytes.readableBytes == 0)
            }
        }
    }

    /// The request that a Java client of Kafka 4.4 opens a connection with.
    @Test func apiVersionsFiveIsUnderstood() throws {
        let body: [UInt8] = [5] + "java".utf8 + [6] + "4.4.0".utf8 + [3] + "id".utf8 + [0, 0, 0, 7, 0]
        let (request, rest) = try ApiVersionsRequest.read(ByteBuffer(bytes: body), version: 5, isFlexible: true)
        #expect(rest.readableBytes == 0)
        #expect(request.clientSoftwareName == "java")
        #expect(request.clientSoftwareVersion == "4.4.0")
        #expect(request.clusterID == "id")
        #expect(request.nodeID == 7)
    }

    /// Version 5 changed the request only.
    @Test func apiVersionsFiveIsAnsweredAsFour() throws {
        let kind = try #require(WireCatalogue.all.first { $0.api.key == .apiVersions && !$0.isRequest })
        for seed in UInt64(0)..<10 {
            let sample = try kind.sample(seed: seed, version: 5)
            #expect(try kind.write(sample, version: 5) == kind.write(sample, version: 4))
        }
    }

    @Test func requestsAreFramed() throws {
        let output = try Frame.request(MetadataRequest(), version: 1, correlationID: 7, clientID: "c")
        #expect(
            Array(output.bytes.readableBytesView)
                == [0, 0, 0, 15, 0, 3, 0, 1, 0, 0, 0, 7, 0, 1, 99, 0xff, 0xff, 0xff, 0xff]
        )
    }

    @Test func responsesOfFlexibleVersionsHaveAFlexibleHeader() throws {
        let response = InitProducerIdResponse()
        let api = InitProducerIdRequest.api
        let flexible = try Frame.response(response, api: api, version: 2, correlationID: 7)
        #expect(Array(flexible.bytes.readableBytesView.prefix(9)) == [0, 0, 0, 22, 0, 0, 0, 7, 0])
        let old = try Frame.response(response, api: api, version: 1, correlationID: 7)
        #expect(Array(old.bytes.readableBytesView.prefix(8)) == [0, 0, 0, 20, 0, 0, 0, 7])
        #expect(old.bytes.readableBytes == 24)
    }

    /// KIP-511: a client that does not know what the broker speaks must find the error where it always was.
    @Test func theResponseOfApiVersionsNeverHasAFlexibleHeader() throws {
        var response = ApiVersionsResponse()
        response.errorCode = .unsupportedVersion
        for version in ApiVersionsRequest.api.versions {
            let output = try Frame.response(response, api: ApiVersionsRequest.api, version: version, correlationID: 7)
            #expect(Array(output.bytes.readableBytesView.dropFirst(4).prefix(6)) == [0, 0, 0, 7, 0, 35])
        }
    }

    @Test func responsesFollowWhatIsInTheBuffer() throws {
        var buffer = ByteBuffer(bytes: [1, 2, 3])
        buffer.moveReaderIndex(forwardBy: 1)
        let output = try Frame.response(
            InitProducerIdResponse(),
            api: InitProducerIdRequest.api,
            version: 0,
            correlationID: 7,
            into: buffer
        )
        #expect(Array(output.bytes.readableBytesView.prefix(10)) == [2, 3, 0, 0, 0, 20, 0, 0, 0, 7])
    }
}
