import Glibc
import Model

/// What a benchmark has counted so far. Guarded by its lock.
final class BenchMeter: Sendable {
    struct State: Sendable {
        var records = 0
        var bytes = 0
        /// Histograms by what they measure, in the order of their first use.
        var latencies: [(name: String, histogram: LatencyHistogram)] = []
        /// When counting began and ended.
        var start: Instant
        var end: Instant?
    }

    private let state: Locked<State>
    private let time = SystemTime()
    private let cpuAtStart = BenchMeter.cpuSeconds()
    private let isInterrupted = Locked(false)

    init() { state = Locked(State(start: time.instant)) }

    /// Ends the measurement early.
    func interrupt() { isInterrupted.withLock { $0 = true } }

    var wasInterrupted: Bool { isInterrupted.withLock { $0 } }

    /// Begins to count now: what came before was preparation.
    func begin() { state.withLock { $0.start = time.instant } }

    func end() { state.withLock { $0.end = time.instant } }

    func add(records: Int, bytes: Int) {
        state.withLock { state in
            state.records += records
            state.bytes += bytes
        }
    }

    /// Takes note of how long something took from `start` until now.
    func add(_ name: String, since start: Instant) { add(name, start.duration(to: time.instant)) }

    func add(_ name: String, _ duration: Duration) {
        state.withLock { state in
            let index = state.latencies.firstIndex { $0.name == name } ?? state.latencies.count
            if index == state.latencies.count { state.latencies.append((name, LatencyHistogram())) }
            state.latencies[index].histogram.add(duration.wholeNanoseconds)
        }
    }

    var figures: BenchFigures {
        let now = time.instant
        let state = state.withLock { $0 }
        return BenchFigures(
            records: state.records,
            bytes: state.bytes,
            duration: state.start.duration(to: state.end ?? now),
            cpuSeconds: Self.cpuSeconds() - cpuAtStart,
            latencies: state.latencies
        )
    }

    /// What this process has computed, in user and in kernel mode.
    private static func cpuSeconds() -> Double {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        return seconds + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }
}

extension BenchMeter {
    private static let liveInterval = Duration.milliseconds(500)

    /// Shows on a terminal how it goes, until the task is cancelled.
    func showLive() async {
        guard StandardError.isTerminal else { return }
        var before = figures
        while !Task.isCancelled {
            do { try await Task.sleep(for: Self.liveInterval) } catch { break }
            let now = figures
            StandardError.write("\r\u{1b}[K" + now.liveLine(since: before))
            before = now
        }
        StandardError.write("\r\u{1b}[K")
    }

    /// Runs a measurement with a line that shows how it goes; signals end it early.
    static func run(_ body: (BenchMeter) async throws -> Void) async throws -> BenchFigures {
        let meter = BenchMeter()
        Interrupts.watch { meter.interrupt() }
        let live = Task { await meter.showLive() }
        do {
            try await body(meter)
        } catch {
            live.cancel()
            await live.value
            throw error
        }
        let figures = meter.figures
        live.cancel()
        await live.value
        return figures
    }
}
