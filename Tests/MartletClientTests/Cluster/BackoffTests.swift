import Model
import Testing

@testable import MartletClient

@Suite struct BackoffTests {
    @Test func doublesUpToTheMaximumWithJitter() {
        let backoff = Backoff(.nowhere)
        var generator = SeededGenerator(seed: 1)
        #expect(backoff.delay(afterFailures: 0, using: &generator) == .zero)
        for (failures, expected) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (60, 1000), (Int.max, 1000)] {
            let delay = backoff.delay(afterFailures: failures, using: &generator)
            #expect(delay >= .milliseconds(expected * 8 / 10), "\(failures)")
            #expect(delay <= .milliseconds(expected * 12 / 10), "\(failures)")
        }
    }
}
