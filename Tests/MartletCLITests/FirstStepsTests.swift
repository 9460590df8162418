import Testing

@testable import MartletCLI

@Suite struct FirstStepsTests {
    @Test func theDefaultAddressNeedsNoOption() {
        let lines = FirstSteps.lines(listening: "127.0.0.1:9092")
        #expect(lines.contains("  martlet consume greetings -e"))
        #expect(lines.contains { $0.contains("--listen 0.0.0.0:9092") })
    }

    @Test func othersAreNamed() {
        #expect(FirstSteps.lines(listening: "127.0.0.1:19092").contains("  martlet doctor -b 127.0.0.1:19092"))
        let open = FirstSteps.lines(listening: "0.0.0.0:9092")
        #expect(open.contains("  kcat -b 127.0.0.1:9092 -L"))
        #expect(!open.contains { $0.contains("Only this machine") })
        #expect(FirstSteps.lines(listening: "[::1]:9092").contains("  martlet doctor -b [::1]:9092"))
    }
}
