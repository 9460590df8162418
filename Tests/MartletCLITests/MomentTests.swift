import Model
import Testing

@testable import MartletCLI

@Suite struct MomentTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00Z"), (951_782_400_000, "2000-02-29T00:00:00Z"),
        (1_700_000_000_999, "2023-11-14T22:13:20Z"), (4_107_542_399_000, "2100-02-28T23:59:59Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59Z"), (253_402_300_800_000, "253402300800000 ms"),
        (-1, "-1 ms"), (.max, "9223372036854775807 ms"), (.min, "-9223372036854775808 ms"),
    ])
    func momentsAreWrittenInUTC(milliseconds: Int64, text: String) {
        #expect(Moment.text(milliseconds) == text)
    }

    @Test func whatIsWrittenIsReadBack() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<1000 {
            let seconds = Int64.random(in: 0...253_402_300_799, using: &generator)
            #expect(TimeParser.milliseconds(Moment.text(seconds * 1000)) == seconds * 1000)
        }
    }
}
