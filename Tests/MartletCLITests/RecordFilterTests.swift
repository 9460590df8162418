import ArgumentParser
import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct RecordFilterTests {
    let record = ConsumedRecord.fixture(
        key: "user-7",
        value: "paid 42 EUR",
        headers: [("region", "eu"), ("null", nil)]
    )

    func passes(_ arguments: String...) throws -> Bool {
        try FilterOptions.parse(arguments).filter().passes(record)
    }

    @Test(arguments: [["--grep", "("], ["--key", "[a"], ["--header", "a=*"], ["--invert"], ["--ignore-case"]])
    func whatIsNoPatternIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try FilterOptions.parse(arguments) }
    }

    @Test func withoutPatternsEverythingPasses() throws { #expect(try passes()) }

    @Test func valuesAreSearched() throws {
        #expect(try passes("--grep", "42"))
        #expect(try passes("--grep", "^paid [0-9]+ EUR$"))
        #expect(try !passes("--grep", "43"))
        #expect(try !passes("--grep", "PAID"))
        #expect(try passes("--grep", "PAID", "-i"))
    }

    @Test func oneOfAKindIsEnoughAndAllKindsAreNeeded() throws {
        #expect(try passes("--grep", "nothing", "--grep", "EUR"))
        #expect(try passes("--grep", "EUR", "--key", "user", "--header", "region=eu"))
        #expect(try !passes("--grep", "EUR", "--key", "admin"))
        #expect(try !passes("--grep", "EUR", "--header", "region=us"))
    }

    @Test func headersAreFoundByNameOrValue() throws {
        #expect(try passes("--header", "region"))
        #expect(try passes("--header", "region="))
        #expect(try passes("--header", "null"))
        #expect(try !passes("--header", "null="))
        #expect(try !passes("--header", "regio"))
    }

    @Test func invertingTurnsItRound() throws {
        #expect(try !passes("--grep", "EUR", "--invert"))
        #expect(try passes("--grep", "USD", "--invert"))
    }

    @Test func nullContainsNothing() throws {
        let filter = try FilterOptions.parse(["--grep", ""]).filter()
        #expect(!filter.passes(.fixture(value: nil)))
        #expect(filter.passes(.fixture(value: "")))
    }

    @Test func bytesThatAreNoTextAreSearched() throws {
        let filter = try FilterOptions.parse(["--grep", "needle"]).filter()
        #expect(filter.passes(.fixture(bytes: [0xff, 0xfe] + Array("needle".utf8) + [0x80])))
        #expect(
            try TextPattern("ne+dle", ignoresCase: false).occurs(in: ByteBuffer(bytes: [0xff] + Array("needle".utf8)))
        )
    }
}
