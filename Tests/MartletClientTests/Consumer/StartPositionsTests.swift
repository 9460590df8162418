import Testing

@testable import MartletClient

@Suite struct StartPositionsTests {
    @Test func lastNStopsAtTheBeginning() {
        #expect(StartPositions.position(.last(5), beginning: 10, end: 12, found: nil) == 10)
        #expect(StartPositions.position(.last(5), beginning: 10, end: 20, found: nil) == 15)
        #expect(StartPositions.position(.last(0), beginning: 10, end: 20, found: nil) == 20)
    }

    @Test func timeWithoutALaterRecordIsTheEnd() {
        #expect(StartPositions.position(.time(1), beginning: nil, end: 20, found: -1) == 20)
        #expect(StartPositions.position(.time(1), beginning: nil, end: 20, found: 7) == 7)
    }

    @Test func othersAreWhatTheySay() {
        #expect(StartPositions.position(.beginning, beginning: 3, end: nil, found: nil) == 3)
        #expect(StartPositions.position(.end, beginning: nil, end: 20, found: nil) == 20)
        #expect(StartPositions.position(.offset(99), beginning: nil, end: nil, found: nil) == 99)
    }
}
