import CommitLog
import Logging
import Model

/// Watches the disk space of the log directories on a thread of its own, and says when there is too little and when there
/// is enough again. Thread-safe.
///
/// It looks once a second, more often when a disk is nearly full, and whenever an append finds that it is time.
package final class SpaceKeeper: Sendable {
    private static let interval = Duration.seconds(1)
    /// With less than four times the reserve left.
    private static let shortInterval = Duration.milliseconds(100)
    private static let nearly = 4

    private struct State {
        var thread: NamedThread?
        var isStopping = false
    }

    private let directories: [LogDirectory]
    private let health: Health
    private let log: Logger
    private let state = Locked(State())
    /// Held for the length of a look.
    private let checking = Lock()
    private let wakeUp = Semaphore()

    init(directories: [LogDirectory], health: Health, log: Logger) {
        self.directories = directories
        self.health = health
        self.log = log
    }

    /// Starts the thread.
    func start() {
        let thread = NamedThread("disk-space") { [self] in work() }
        state.withLock { $0.thread = thread }
        for directory in directories { directory.space.setAlarm { [wakeUp] in wakeUp.signal() } }
    }

    func stop() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            state.isStopping = true
            return state.thread
        }
        wakeUp.signal()
        thread?.join()
    }

    private func work() {
        while true {
            let isNear = directories.contains { Self.isNear($0.space.status) }
            wakeUp.wait(atMost: isNear ? Self.shortInterval : Self.interval)
            if state.withLock({ $0.isStopping }) { return }
            check()
        }
    }

    private static func isNear(_ status: DiskSpace.Status) -> Bool {
        guard let space = status.space else { return status.level > .ample }
        return space.free / nearly < status.reserve || status.level > .ample
    }

    /// Looks at all directories now.
    package func check() {
        checking.withLock {
            for directory in directories where directory.failure == nil { check(directory) }
        }
    }

    private func check(_ directory: LogDirectory) {
        do throws(LogError) {
            let status = try directory.space.check()
            if status.level == .ample {
                guard health.clear(.spaceLow, directory.path) else { return }
                log.notice("\(directory.path) has room again, \(Self.left(status)): producers go on")
            } else {
                let reason =
                    "\(Self.left(status)), the reserve is \(ByteCount(status.reserve)) (log.reserve.bytes): "
                    + Self.consequence(status.level)
                // The figure moves all the time; what it means is news once.
                let isNews = !health.conditions.contains { $0.kind == .spaceLow && $0.subject == directory.path }
                health.report(.spaceLow, directory.path, reason: reason)
                if isNews { log.error("the disk of \(directory.path) is full: \(reason)") }
            }
        } catch {
            log.warning("the free space of \(directory.path) is not known: \(error)")
        }
    }

    private static func left(_ status: DiskSpace.Status) -> String {
        guard let space = status.space else { return "the system does not say how much is free" }
        return "\(ByteCount(space.free)) of \(ByteCount(space.total)) are free"
    }

    private static func consequence(_ level: DiskSpace.Level) -> String {
        switch level {
        case .ample: "all is well"
        case .low: "producers are told to try again, everything else goes on"
        case .critical: "producers and the broker's own topics have to wait, deleting goes on"
        }
    }
}
