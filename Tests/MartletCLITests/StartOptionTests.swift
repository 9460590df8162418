import MartletClient
import Testing

@testable import MartletCLI

@Suite struct StartOptionTests {
    @Test(arguments: ["", "start", "@", "@tomorrow", "1.5", "--1", "-", "9223372036854775808", "-9223372036854775808"])
    func nonsenseIsRefused(text: String) { #expect(StartOption(argument: text) == nil) }

    @Test func positionsAreRead() {
        #expect(StartOption(argument: "beginning")?.position == .beginning)
        #expect(StartOption(argument: "end")?.position == .end)
        #expect(StartOption(argument: "7")?.position == .offset(7))
        #expect(StartOption(argument: "-7")?.position == .last(7))
        #expect(StartOption(argument: "-0")?.position == .last(0))
        #expect(StartOption(argument: "@1000")?.position == .time(1000))
        #expect(StartOption(argument: "@2026-01-01")?.position == .time(1_767_225_600_000))
    }
}
