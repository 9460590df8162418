import ArgumentParser

/// `martlet retention`: what is deleted for its age or size. Stateless.
struct Retention: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete what topics keep for too long or too much of.",
        subcommands: [RetentionApply.self]
    )
}
