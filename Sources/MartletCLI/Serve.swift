import ArgumentParser

/// `martlet serve`: runs a broker.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run a broker.")

    func run() async throws { throw ValidationError("this build has no broker") }
}
