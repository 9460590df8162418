import Glibc

/// One thing to fuzz. Stateless.
protocol FuzzTarget: SendableMetatype {
    /// Takes any bytes; whatever is wrong with them must be thrown or refused, never trap.
    static func run(_ input: UnsafeRawBufferPointer)
    /// Inputs to start from, the same in each run.
    static func seeds() -> [[UInt8]]
}

/// The targets by the name that scripts/fuzz calls them.
let targets: [(name: String, type: any FuzzTarget.Type)] = [
    ("frame", FrameTarget.self),
    ("message", MessageTarget.self),
    ("batch", BatchTarget.self),
    ("codec", CodecTarget.self),
    ("log", LogTarget.self),
    ("groups", GroupsTarget.self),
    ("file", FileTarget.self),
]

/// Chosen by the environment, because libFuzzer owns the arguments.
let chosen = environment("FUZZ_TARGET").flatMap { name in targets.first { $0.name == name } }

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The process's entry. SwiftPM names it so, libFuzzer's own `main` would otherwise be called.
@_cdecl("fuzz_main")
func enter(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    guard let target = chosen?.type else {
        print(targets.map(\.name).joined(separator: "\n"))
        return 0
    }
    if let directory = environment("FUZZ_WRITE_SEEDS") { return writeSeeds(of: target, to: directory) }
    var count = count
    var arguments = arguments
    return runDriver(&count, &arguments) { bytes, length in
        chosen?.type.run(UnsafeRawBufferPointer(start: bytes, count: length))
        return 0
    }
}

func writeSeeds(of target: any FuzzTarget.Type, to directory: String) -> CInt {
    for (number, seed) in target.seeds().enumerated() {
        guard let file = fopen("\(directory)/seed-\(number)", "w") else {
            perror(directory)
            return 1
        }
        fwrite(seed, 1, seed.count, file)
        fclose(file)
    }
    return 0
}
