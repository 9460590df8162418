import Testing

@testable import Broker

/// Sharing out few descriptors.
@Suite struct FileLimitsTests {
    @Test func aThirdOfTheDescriptorsIsForLogsAndMostOfTheRestForClients() {
        let limits = FileLimits(openFiles: 20_000, mappings: 65_530, logFiles: nil)
        #expect(limits.logFiles == 6_666)
        #expect(limits.connections == 11_334)
    }

    @Test func fewMappingsAreALimitToo() {
        #expect(FileLimits(openFiles: 1_000_000, mappings: 65_530, logFiles: nil).logFiles == 32_765)
        #expect(FileLimits(openFiles: 1_000_000, mappings: 65_530, logFiles: 100_000).logFiles < 65_530)
    }

    @Test(arguments: [0, 16, 100, 256, 1024, 20_000, 1_000_000])
    func whatIsSharedOutFitsIntoTheLimit(openFiles: Int) {
        for wanted in [nil, 0, 1, 100, 1_000_000] {
            let limits = FileLimits(openFiles: openFiles, mappings: 65_530, logFiles: wanted)
            #expect(limits.logFiles >= 16)
            #expect(limits.connections >= 16)
            if openFiles >= 256 { #expect(limits.logFiles + limits.connections < openFiles) }
        }
    }
}
