import ArgumentParser
import Broker
import Glibc
import Logging
import Model
import Server

/// `martlet serve`: runs a broker until it is told to stop.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a broker.",
        discussion: """
            Without options: listens on 127.0.0.1:9092 and keeps its data under ./data, which it makes on the first \
            start. One line on standard output says when it is ready, on a terminal a few more how to try it; the log goes \
            to standard error.

            Settings have Kafka's names. They come from the file, then from variables (MARTLET_LOG_DIRS for log.dirs), \
            then from --set; later ones win.

            Examples:
              martlet serve
              martlet serve --data /var/lib/martlet --listen 0.0.0.0:9092
              martlet serve --ephemeral --listen 127.0.0.1:0 --set num.partitions=6

            Exit status:
              0 stopped as asked (SIGTERM, SIGINT), 1 could not start, 64 wrong usage
            """
    )

    @Option(name: .long, help: "Read settings from this file (Kafka's server.properties).", completion: .file())
    var config: String?

    @Option(name: .long, help: "Keep the data in this directory (log.dirs).", completion: .directory)
    var data: String?

    @Option(name: .long, help: "Listen on this address (listeners); port 0 takes a free one.")
    var listen: String?

    @Option(name: .long, help: ArgumentHelp("Set one setting; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Flag(name: .long, help: "Keep the data in a temporary directory that is removed in the end.")
    var ephemeral = false

    @Option(name: .long, help: "What to log: debug, info, warning or error.")
    var logLevel = "info"

    func validate() throws {
        if ephemeral, data != nil { throw ValidationError("--ephemeral and --data exclude each other.") }
        if let bad = set.first(where: { !$0.contains("=") }) {
            throw ValidationError("--set takes key=value, not '\(bad)'.")
        }
        if Logger.Level(rawValue: logLevel) == nil {
            throw ValidationError("--log-level is debug, info, warning or error, not '\(logLevel)'.")
        }
    }

    func run() throws {
        let asked = Semaphore()
        Interrupts.watch { asked.signal() }
        var log = Logger(label: "martlet") { _ in BrokerLog() }
        log.logLevel = Logger.Level(rawValue: logLevel) ?? .info
        let temporary = ephemeral ? try TemporaryDirectory() : nil
        defer { temporary?.remove() }
        let running: RunningBroker
        do {
            let configuration = try BrokerConfiguration.load(
                file: config,
                environment: Self.environment,
                overrides: overrides(temporary?.path)
            )
            running = try RunningBroker.start(configuration, log: log)
        } catch {
            Self.printError("martlet: cannot start: \(error)")
            throw ExitCode.failure
        }
        print(running.readyLine)
        // Programs that start a broker read one line; people may want to know what to do with it.
        if StandardOutput.isTerminal, let first = running.addresses.first {
            for line in FirstSteps.lines(listening: first.description) { print(line) }
        }
        fflush(nil)
        asked.wait()
        log.info("stopping")
        running.stop()
        log.info("stopped")
    }

    private func overrides(_ temporary: String?) -> [ConfigOverride] {
        var overrides: [ConfigOverride] = []
        if let data { overrides.append(ConfigOverride("log.dirs", data, flag: "--data")) }
        if let temporary { overrides.append(ConfigOverride("log.dirs", temporary, flag: "--ephemeral")) }
        if let listen { overrides.append(ConfigOverride("listeners", "PLAINTEXT://\(listen)", flag: "--listen")) }
        for setting in set {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            overrides.append(ConfigOverride(String(parts[0]), String(parts.count > 1 ? parts[1] : "")))
        }
        return overrides
    }

    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }

    private static func printError(_ text: String) {
        var bytes = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, &bytes, bytes.count)
    }
}
