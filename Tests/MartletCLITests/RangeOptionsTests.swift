import ArgumentParser
import MartletClient
import Testing

@testable import MartletCLI

@Suite struct RangeOptionsTests {
    /// Offsets 100 to 199 are there; times from 5000 to 5099.
    let now: Int64 = 1_000_000

    func range(_ arguments: [String], start: Int64? = nil, stop: Int64? = nil) throws -> [Int64?] {
        let bounds = PartitionBounds(beginning: 100, end: 200, start: start, stop: stop)
        let (first, end) = try RangeOptions.parse(arguments).range(bounds, now: now)
        return [first, end]
    }

    @Test(arguments: [
        ["--offsets", ".."], ["--offsets", "5..3"], ["--offsets", "a..b"], ["--offsets", "-1..3"],
        ["--offsets", "1..2..3"],
        ["--offsets", "9223372036854775807"], ["--until", "yesterday"], ["--until", "-5"],
        ["--until", "5", "--follow"],
        ["--offsets", "1..2", "--from", "1"], ["--offsets", "1..2", "--until", "5"], ["-e", "-F"],
    ])
    func nonsenseIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try RangeOptions.parse(arguments) }
    }

    @Test(arguments: [
        (["--offsets", "120..129"], 120, 130), (["--offsets", "150"], 150, 151), (["--offsets", "190.."], 190, 200),
        (["--offsets", "..109"], 100, 110), (["--offsets", "0..500"], 100, 200), (["--offsets", "300..400"], 200, 200),
        (["--offsets", "0..50"], 51, 51), (["--until", "120"], 100, 120), (["--until", "500"], 100, 500),
        (["--until", "500", "-e"], 100, 200), (["--until", "end"], 100, 200), (["--until", "50"], 50, 50),
        (["--from", "150", "--until", "160"], 150, 160), (["--from", "-10", "--until", "end"], 190, 200),
    ])
    func offsetsAreKeptWithinWhatIsThere(arguments: [String], start: Int64, end: Int64) throws {
        #expect(try range(arguments) == [start, end])
    }

    @Test func followingGoesOnBehindTheEnd() throws {
        #expect(try range(["--offsets", "150..", "--follow"]) == [150, nil])
        #expect(try range(["--offsets", "150..250", "--follow"]) == [150, 251])
    }

    @Test func timesAreWhereTheBrokerFoundThem() throws {
        #expect(try range(["--from", "@5010", "--until", "@5020"], start: 110, stop: 120) == [110, 120])
        #expect(try range(["--from", "@5010", "--until", "@6000"], start: 110) == [110, 200])
        #expect(try range(["--from", "@6000", "--until", "@7000"]) == [200, 200])
    }

    @Test func aTimeToComeIsWaitedFor() throws {
        let options = try RangeOptions.parse(["--until", "@2000000"])
        #expect(try range(["--until", "@2000000"]) == [100, nil])
        #expect(options.deadline(now: now) == 2_000_000)
        #expect(options.deadline(now: 3_000_000) == nil)
    }

    @Test func withoutEndItBeginsAtTheEnd() throws {
        #expect(try RangeOptions.parse([]).start == .end)
        #expect(try RangeOptions.parse(["-e"]).start == .beginning)
        #expect(try RangeOptions.parse(["--until", "5"]).start == .beginning)
    }
}
