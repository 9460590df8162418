import Testing

@testable import MartletCLI

@Suite struct PeriodParserTests {
    @Test(arguments: [
        "", "7", "d", "-1d", "1x", "1.5h", "P", "PT", "P1", "P1DT", "P1H", "PT1D", "PT1S1M", "P1D2D", "P1Y", "P1M",
        "PT0.", "PT.5S", "P1.5D", "9223372036854775807d", "P99999999999999999999D", "PT1H P", "1 h",
    ])
    func whatIsNoDurationIsRefused(text: String) { #expect(PeriodParser.milliseconds(text) == nil) }

    @Test(
        arguments: [
            ("500ms", 500), ("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("7d", 604_800_000), ("0s", 0),
            ("2W", 1_209_600_000), ("P7D", 604_800_000), ("PT1H30M", 5_400_000), ("p1dt12h", 129_600_000),
            ("PT0.5S", 500), ("PT1.2345S", 1234), ("P2W", 1_209_600_000), ("P1DT2H3M4S", 93_784_000),
        ] as [(String, Int64)]
    )
    func durationsAreRead(text: String, expected: Int64) { #expect(PeriodParser.milliseconds(text) == expected) }
}
