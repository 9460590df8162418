import Testing

@testable import Broker

/// Sharing out few descriptors.
@Suite struct FileLimitsTests {
    @Test func aThirdOfTheDescriptorsIsForLogsAndMostOfTheRestForClients() {
        let limits = FileLimits(openFiles: 20_000, mappings: 65_530, logFiles: nil)
        #expect(limits.logFiles == 6_666)
        #expect(limits.connections == 11_334)
    }

    @Test func logsHaveWhatConnectionsLeaveUntilTheyNeedIt() {
        let limits = FileLimits(openFiles: 20_000, mappings: 65_530, logFiles: nil)
        // A quarter and the reserve are there for clients that come all at once.
        #expect(limits.logFiles(beside: 0) == 13_000)
        #expect(limits.logFiles(beside: 5_000) == 13_000)
        #expect(limits.logFiles(beside: 5_001) == 12_999)
        #expect(limits.logFiles(beside: 10_000) == 8_000)
        #expect(limits.logFiles(beside: 11_334) == 6_666)
        #expect(limits.logFiles(beside: 20_000) == 6_666)
    }

    @Test func whatTheOperatorSaysHolds() {
        let limits = FileLimits(openFiles: 20_000, mappings: 65_530, logFiles: 100)
        for connections in [0, 5_000, 20_000] { #expect(limits.logFiles(beside: connections) == 100) }
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
            for connections in stride(from: 0, through: limits.connections, by: max(1, limits.connections / 7)) {
                let logFiles = limits.logFiles(beside: connections)
                #expect(logFiles >= limits.logFiles)
                if openFiles >= 256 { #expect(logFiles + connections < openFiles) }
            }
        }
    }
}
