import CommitLog
import Model
import TestSupport

/// One seed: the real log on a simulated disk, some random work on it, faults and crashes, and after each a look whether
/// everything that was promised is there. Single-threaded; everything follows from the seed.
final class Simulation {
    static let root = "/data/logs"

    let swarm: Swarm
    let fileSystem = SimulatedFileSystem()
    let time = ManualTime()
    var generator: SeededGenerator
    var directory: LogDirectory?
    var partitions: [SimulatedPartition] = []
    var faults = SimulatedFaults()
    /// For people: called with what happens.
    let trace: ((String) -> Void)?
    /// How the process is to end after the present step.
    var end: End?
    /// Whether everything is going to stop at an operation that was chosen before, and nowhere else.
    var isInterrupted = false
    private(set) var step = 0
    private(set) var crashes = 0
    private var hasCutPower = false

    init(seed: UInt64, trace: ((String) -> Void)? = nil) {
        generator = SeededGenerator(seed: seed)
        swarm = Swarm(seed: seed, using: &generator)
        self.trace = trace
        let chances = generator.next()
        fileSystem.changeDisk { disk in
            disk.seed(chances)
            disk.writesInPart = true
        }
    }

    /// Runs to the end. With `haltAt`, everything stops at that operation of the file system, and what is left is looked
    /// at: returns false if there were not so many.
    @discardableResult
    func run(steps: Int? = nil, haltAt: Int? = nil) throws -> Bool {
        try begin()
        if swarm.hasLyingDisk { fileSystem.changeDisk { $0.liesAboutSyncs = true } }
        isInterrupted = haltAt != nil
        if let haltAt { fileSystem.halt(at: haltAt) }
        for number in 0..<(steps ?? swarm.stepCount) {
            step = number
            try perform()
            if hasCutPower, swarm.hasLyingDisk { return true }
            if fileSystem.isHalted {
                try crash(chooseCrash())
                if haltAt != nil { return true }
            } else if let end {
                try crash(end)
                if let haltAt { fileSystem.halt(at: max(haltAt, fileSystem.operationCount + 1)) }
            }
            try checkOffsets()
        }
        if haltAt != nil { return false }
        try finish()
        return true
    }

    func begin() throws {
        note("\(swarm.config)\nfeatures: \(swarm.features), lying disk: \(swarm.hasLyingDisk)")
        try open(wasClean: true)
        for number in 0..<swarm.partitionCount { try create(number) }
    }

    func note(_ event: @autoclosure () -> String) { trace?("\(step): \(event())") }

    func has(_ feature: Swarm.Feature) -> Bool { swarm.has(feature) }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    // MARK: Ends and starts

    enum End {
        case clean
        case kill
        case powerCut
    }

    func chooseCrash() -> End { has(.powerCuts) && (chance(60) || !has(.kills)) ? .powerCut : .kill }

    /// Ends in one way or another and starts again, which may be interrupted as well.
    func crash(_ end: End) throws {
        note("end: \(end)")
        self.end = nil
        crashes += 1
        faults.clear(fileSystem)
        fileSystem.halt(at: nil)
        var wasClean = false
        var cutsPower = end == .powerCut
        if end == .clean {
            wasClean = closeInOrder()
            if wasClean, !swarm.hasLyingDisk { try checkIndexes() }
            cutsPower = has(.powerCuts) && chance(30)
        }
        leave(cutsPower: cutsPower)
        var attempts = 0
        while has(.haltsInRecovery), attempts < 2, chance(40) {
            attempts += 1
            fileSystem.halt(at: fileSystem.operationCount + Int.random(in: 1...60, using: &generator))
            note("a start that is interrupted")
            do { try start(wasClean: wasClean) } catch is LogError {} catch is FileError {}
            // Once it has begun, the mark of the clean stop may be gone.
            wasClean = false
            let again = has(.powerCuts) && chance(50)
            cutsPower = cutsPower || again
            fileSystem.halt(at: nil)
            leave(cutsPower: again)
        }
        do {
            try start(wasClean: wasClean)
        } catch LogError.quarantined {
            // Interrupted so often that the log takes the partition for the cause, until an operator says otherwise.
            note("an operator has the partition tried again")
            leave(cutsPower: false)
            try fileSystem.remove("\(Self.root)/opening-failures")
            try start(wasClean: false)
        }
        // What a lying disk has lost nobody knows, nor what it has brought back: that the log starts is all.
        if !hasCutPower || !swarm.hasLyingDisk { try takeOver(cutsPower: cutsPower) }
    }

    /// Whether that succeeded.
    private func closeInOrder() -> Bool {
        do {
            try directory?.close()
        } catch {
            note("the stop failed: \(error)")
            return false
        }
        for partition in partitions { partition.model.noteCleanStop() }
        return true
    }

    /// Holds the indexes against the records, which readers need not notice: they look further where one leads astray.
    private func checkIndexes() throws {
        var wrong: [Finding] = []
        _ = try DirectoryVerifier.verify(Self.root, fileSystem: fileSystem) { finding in
            if finding.part == .index { wrong.append(finding) }
        }
        try require(wrong.isEmpty, "after a clean stop, indexes are wrong: \(wrong)")
    }

    private func leave(cutsPower: Bool) {
        for partition in partitions { partition.log = nil }
        directory = nil
        guard cutsPower else { return }
        note("power cut")
        hasCutPower = true
        fileSystem.crash(using: SeededGenerator(seed: generator.next()))
    }

    private func start(wasClean: Bool) throws {
        try open(wasClean: wasClean)
        guard let directory else { return }
        let logs = try directory.found.map { found in
            try directory.openFound(found, config: swarm.config, thread: 0)
        }
        try directory.commit(logs)
        directory.finishOpening()
    }

    private func open(wasClean: Bool) throws {
        var environment = LogEnvironment(fileSystem: fileSystem, time: time)
        environment.commitsInBackground = false
        environment.recentTailBytes = 0
        environment.fullScanBytes = swarm.fullScanBytes
        environment.producerNoteBytes = swarm.producerNoteBytes
        let directory = try LogDirectory.open(
            Self.root,
            clusterID: "simulation",
            nodeID: 1,
            environment: environment,
            generator: generator
        )
        if wasClean, !hasCutPower || !swarm.hasLyingDisk {
            try require(directory.wasCleanShutdown || partitions.isEmpty, "a clean stop was not recognised")
        }
        self.directory = directory
    }

    /// Looks at every partition, and creates once more those whose creation the crash has undone.
    private func takeOver(cutsPower: Bool) throws {
        guard let directory else { return }
        for partition in partitions {
            let found = directory.log(for: partition.name)
            if found == nil {
                note("\(partition.name) is gone")
                let mayBeGone = partition.isDoomed || (cutsPower && partition.model.survives == 0)
                try require(mayBeGone, "\(partition.name) is gone")
                let isEmpty = try !fileSystem.exists("\(Self.root)/\(partition.name)")
                if isEmpty { partition.model = PartitionModel() }
            }
            // What belongs to no topic yet, as far as the disk says, may hold something all the same, and so may what was
            // to be deleted.
            let log = try directory.openPartition(partition.name, topicID: partition.topicID, config: swarm.config)
            try partition.takeOver(
                log,
                cutsPower: cutsPower,
                isNew: found == nil,
                wasClean: directory.wasCleanShutdown
            )
            note("\(partition.name) goes from \(partition.model.start) to \(partition.model.end)")
            try partition.checkRetries()
        }
    }

    func finish() throws {
        try crash(chooseCrash())
        try crash(.clean)
        if hasCutPower, swarm.hasLyingDisk { return }
        for partition in partitions { try append(to: partition) }
        try checkOffsets()
    }

    // MARK: Partitions

    func create(_ number: Int) throws {
        guard let directory else { return }
        let partition = SimulatedPartition(number, topicID: .random(using: &generator))
        partitions.append(partition)
        partition.isDoomed = true
        partition.log = try directory.openPartition(
            partition.name,
            topicID: partition.topicID,
            config: swarm.config
        )
        partition.isDoomed = false
    }

    private func checkOffsets() throws {
        for partition in partitions {
            guard let log = partition.log else { continue }
            do throws(Violation) {
                try partition.model.check(log.offsets, durability: swarm.config.durability)
            } catch {
                throw Violation("\(partition.name): \(error)")
            }
        }
        try require(
            directory?.failure == nil || faults.mayHaveBroken,
            "the directory is offline for no reason: \(directory?.failure?.description ?? "")"
        )
    }
}
