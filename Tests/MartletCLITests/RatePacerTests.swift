import Testing

@testable import MartletCLI

@Suite struct RatePacerTests {
    @Test func recordsAreSpreadEvenly() {
        let start = ContinuousClock.now
        var pacer = RatePacer(perSecond: 10)
        #expect(pacer.next(at: start) == nil)
        #expect(pacer.next(at: start) == .milliseconds(100))
        #expect(pacer.next(at: start) == .milliseconds(200))
        // Whoever is late does not wait, and catches up.
        #expect(pacer.next(at: start + .seconds(1)) == nil)
        #expect(pacer.next(at: start + .seconds(1)) == nil)
    }

    @Test func pausesTooShortForATimerAreLeftOut() {
        let start = ContinuousClock.now
        var pacer = RatePacer(perSecond: 1_000_000)
        for _ in 0...1000 { #expect(pacer.next(at: start) == nil) }
        #expect(pacer.next(at: start) != nil)
    }
}
