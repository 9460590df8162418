import Model
import Testing

struct ErrorCodeTests {
    static let known = (Int16(-1)...133).map { ErrorCode(rawValue: $0) }

    @Test func numbersBeyondTheTableAreNamedByNumber() {
        #expect(ErrorCode(rawValue: 9_999).name == "ERROR_9999")
        #expect(ErrorCode(rawValue: 9_999).description == "ERROR_9999 (9999)")
        #expect(!ErrorCode(rawValue: 9_999).isRetriable)
        #expect(ErrorCode(rawValue: 9_999).isError)
    }

    @Test func namesAreUniqueAndComplete() {
        let names = Self.known.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { !$0.hasPrefix("ERROR_") })
    }

    @Test func onlyNoneIsNoError() {
        #expect(Self.known.filter { !$0.isError } == [.none])
    }

    @Test func whatMayPassIsRetriable() {
        #expect(ErrorCode.notLeaderOrFollower.isRetriable)
        #expect(ErrorCode.unknownTopicOrPartition.isRetriable)
        #expect(!ErrorCode.messageTooLarge.isRetriable)
        #expect(!ErrorCode.none.isRetriable)
    }
}
