import Testing

@testable import MartletCLI

@Suite struct QuantityTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000")])
    func countsHaveCommas(value: Int, expected: String) { #expect(Quantity.count(value) == expected) }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1049, "1.05 kB"), (99_949, "99.9 kB"), (999_499, "999 kB"),
        (999_500, "1.00 MB"), (5_000_000_000_000_000, "5000 TB"),
    ])
    func bytesHaveThreeDigits(value: Int, expected: String) { #expect(Quantity.bytes(value) == expected) }

    @Test func noTimeIsNoRate() {
        #expect(Quantity.rate(5, over: .zero) == 0)
        #expect(Quantity.rate(5, over: .milliseconds(500)) == 10)
    }
}
