import Testing
import Wire

@testable import MartletClient

@Suite struct APIVersionsTests {
    let api = API(.metadata, "Metadata", versions: 4...9, flexibleFrom: nil)

    func versions(_ range: ClosedRange<Int16>) -> APIVersions { APIVersions(ranges: [.metadata: range]) }

    @Test(arguments: [0...3, 10...12] as [ClosedRange<Int16>])
    func noCommonVersionNamesBothRanges(theirs: ClosedRange<Int16>) {
        let error = #expect(throws: ClientError.self) { try versions(theirs).version(for: api) }
        #expect(error?.kind == .unsupported)
        #expect(error?.message.contains("versions \(theirs.lowerBound) to \(theirs.upperBound) of Metadata") == true)
    }

    @Test func missingAPIIsNamed() {
        let error = #expect(throws: ClientError.self) { try APIVersions.none.version(for: api) }
        #expect(error?.message == "the broker does not support Metadata")
        #expect(!APIVersions.none.supports(api))
    }

    @Test func callersLimitCounts() throws {
        #expect(try versions(0...12).version(for: api, atMost: 6) == 6)
        #expect(throws: ClientError.self) { try versions(0...12).version(for: api, atMost: 3) }
    }

    @Test func highestCommonVersionIsTaken() throws {
        #expect(try versions(0...12).version(for: api) == 9)
        #expect(try versions(0...7).version(for: api) == 7)
    }

    @Test func rangesTheWrongWayRoundAreLeftOut() {
        var response = ApiVersionsResponse()
        var range = ApiVersionsResponse.VersionRange()
        range.key = 3
        range.minimumVersion = 5
        range.maximumVersion = 2
        response.apis = [range]
        #expect(APIVersions(response) == .none)
    }
}
