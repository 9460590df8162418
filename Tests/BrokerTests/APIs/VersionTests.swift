import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// What becomes of requests whose API, version or header is not known here.
struct VersionTests {
    private let broker: TestBroker

    init() throws { broker = try TestBroker() }

    /// The header of a request, in the form that the version would have, with `rest` behind it.
    private func frame(
        _ key: Int16,
        _ version: Int16,
        isFlexible: Bool,
        rest: [UInt8] = []
    ) throws -> ByteBuffer {
        let header = RequestHeader(
            key: APIKey(rawValue: key),
            version: version,
            correlationID: 1_000,
            clientID: "a newer client"
        )
        var output = WireOutput(bytes: ByteBuffer())
        try header.write(to: &output, isFlexible: isFlexible)
        output.bytes.writeBytes(rest)
        return output.bytes
    }

    @Test(arguments: [6, 7, 99, .max] as [Int16])
    func aNewerApiVersionsIsAnsweredInVersion0WithTheRanges(version: Int16) throws {
        let connection = broker.connect()
        connection.deliver(try frame(18, version, isFlexible: true, rest: [0xff, 0xee, 0xdd]))
        let response = try PendingResponse<ApiVersionsRequest>(number: 0, version: 0)
            .decode(try #require(try output(connection)))
        #expect(response.errorCode == .unsupportedVersion)
        #expect(response.errorCode.rawValue == 35)
        let own = try #require(response.apis.first { $0.key == 18 })
        #expect((own.minimumVersion, own.maximumVersion) == (0, 4))
        #expect(response.apis.count == APIs.all.count)
    }

    @Test(arguments: [-1, .min] as [Int16])
    func anApiVersionsOfANegativeVersionIsAnsweredTheSameWay(version: Int16) throws {
        let connection = broker.connect()
        connection.deliver(try frame(18, version, isFlexible: false))
        let response = try PendingResponse<ApiVersionsRequest>(number: 0, version: 0)
            .decode(try #require(try output(connection)))
        #expect(response.errorCode == .unsupportedVersion)
    }

    private func output(_ connection: FakeConnection) throws -> WireOutput? {
        guard case .response(let output) = try connection.answer(to: 0) else { return nil }
        return output
    }

    @Test func otherAPIsOfUnknownVersionsEndTheConnectionAndSayWhichAreKnown() throws {
        for api in APIs.all where api.key != .apiVersions {
            for version in [api.versions.lowerBound - 1, api.versions.upperBound + 1, .max, .min] {
                let connection = broker.connect()
                connection.deliver(try frame(api.key.rawValue, version, isFlexible: api.isFlexible(version)))
                let range = "\(api.versions.lowerBound) to \(api.versions.upperBound)"
                let refusal = try #require(connection.refusals.first, "\(api.name) v\(version)")
                #expect(refusal.contains(api.name) && refusal.contains(" \(version),") && refusal.contains(range))
                #expect(connection.order.isEmpty)
            }
        }
    }

    @Test(arguments: [-1, 4, 5, 6, 7, 999, .max, .min] as [Int16])
    func anAPIThatIsNotKnownEndsTheConnectionAndIsNamed(key: Int16) throws {
        let connection = broker.connect()
        connection.deliver(try frame(key, 0, isFlexible: false))
        #expect(connection.refusals == ["a request asks for API \(key), which is not known here"])
    }

    @Test func aHeaderThatIsCutOffEndsTheConnection() throws {
        let whole = try frame(18, 3, isFlexible: true)
        for length in 0..<whole.readableBytes {
            let connection = broker.connect()
            connection.deliver(try #require(whole.getSlice(at: 0, length: length)))
            #expect(connection.refusals.count == 1, "\(length) bytes")
        }
    }

    @Test func aClientIDThatIsNotUTF8EndsTheConnection() {
        let connection = broker.connect()
        connection.deliver(ByteBuffer(bytes: [0, 18, 0, 0, 0, 0, 0, 1, 0, 2, 0xc3, 0x28]))
        #expect(connection.refusals.count == 1)
    }

    @Test func tagsOfNewerClientsAreSkippedInHeaderAndBody() throws {
        let connection = broker.connect()
        let tags: [UInt8] = [2, 7, 1, 0xaa, 99, 2, 0xbb, 0xcc]
        var frame = ByteBuffer()
        frame.writeMultipleIntegers(APIKey.describeCluster.rawValue, Int16(0), Int32(1_000), Int16(-1))
        frame.writeBytes(tags)
        frame.writeInteger(1, as: UInt8.self)
        frame.writeBytes(tags)
        connection.deliver(frame)
        let response = try PendingResponse<DescribeClusterRequest>(number: 0, version: 0)
            .decode(try #require(try output(connection)))
        #expect(response.clusterID == broker.broker.clusterID)
        #expect(response.clusterAuthorizedOperations != .min)
    }

    // MARK: ApiVersions itself

    @Test(arguments: ["", " ", "-java", "java-", "jävä", "a b", "a\u{0}b", "."])
    func softwareNamesThatAreNoNamesAreInvalidRequests(name: String) throws {
        for version: Int16 in 3...5 {
            for isName in [true, false] {
                var request = ApiVersionsRequest()
                request.clientSoftwareName = isName ? name : "java"
                request.clientSoftwareVersion = isName ? "1" : name
                let response = try broker.connect().send(request, version: version)
                #expect(response.errorCode == .invalidRequest, "v\(version)")
                #expect(response.apis.isEmpty)
            }
        }
    }

    @Test func everyVersionAnnouncesTheSameRanges() throws {
        for version in ApiVersionsRequest.api.versions {
            var request = ApiVersionsRequest()
            request.clientSoftwareName = "apache-kafka-java"
            request.clientSoftwareVersion = "4.4.0"
            let response = try broker.connect().send(request, version: version)
            #expect(response.errorCode == .none)
            let expected = APIs.all.map { [$0.key.rawValue, $0.lowestAnnounced, $0.highestAnnounced] }
            #expect(response.apis.map { [$0.key, $0.minimumVersion, $0.maximumVersion] } == expected)
        }
    }

    /// KAFKA-18659: librdkafka takes a broker without Produce 0 for one without compression.
    @Test func produceIsAnnouncedFrom0AndApiVersionsUpToWhatKafkaReleased() {
        let announced = Dictionary(uniqueKeysWithValues: ApiVersionsRequest.announcement.apis.map { ($0.key, $0) })
        #expect(announced[0]?.minimumVersion == 0)
        #expect(announced[0]?.maximumVersion == 13)
        #expect(announced[18]?.maximumVersion == 4)
    }
}
