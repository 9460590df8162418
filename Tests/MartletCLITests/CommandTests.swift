import ArgumentParser
import Testing

@testable import MartletCLI

@Suite struct CommandTests {
    @Test(arguments: [
        ["topic", "create"], ["topic", "create", "t", "--partitions", "0"], ["topic", "create", "t", "--config", "x"],
        ["topic", "alter", "t"], ["topic", "trim", "t", "--offset", "5"], ["topic", "trim", "t", "--offset", "-5"],
        ["produce"], ["produce", "t", "--acks", "2"], ["produce", "t", "-z", "rar"], ["produce", "t", "-K", ""],
        ["produce", "t", "-p", "-1"], ["consume"], ["consume", "t", "--from", "x"], ["consume", "t", "-c", "0"],
        ["consume", "t", "--json", "-f", "%s"], ["consume", "t", "-f", "%x"], ["topic", "list", "-b", "a:b"],
        ["log", "dump"], ["log", "verify"], ["log", "verify", "a", "b"], ["nonsense"],
    ])
    func wrongCommandsAreUsageErrors(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { _ = try MartletCommand.parseAsRoot(arguments) }
        if let error { #expect(MartletCommand.exitCode(for: error).rawValue == 64) }
    }

    @Test(arguments: [
        ["topic", "create", "t", "--partitions", "6", "--config", "a=b", "--config", "c=d=e"],
        ["topic", "alter", "t", "--set", "a=", "--delete", "b"],
        ["topic", "trim", "t", "-p", "0", "--offset", "5"], ["topic", "trim", "t", "--offset", "end"],
        ["produce", "t", "f1", "f2", "-K", "\\t", "-H", "a=b", "-H", "c=d", "-z", "zstd", "--acks", "0", "-Z"],
        ["consume", "a", "b", "--from", "-5", "-p", "0", "-p", "1", "-e", "-u", "-f", "%t\\n"],
        ["topic", "list", "-b", "a:1,[::1]:2", "--json"], ["log", "dump", "a.log", "b.index", "--records", "--json"],
        ["log", "verify", "d", "--records", "--allow-gaps", "--json"],
    ])
    func commandsAreUnderstood(arguments: [String]) throws { _ = try MartletCommand.parseAsRoot(arguments) }
}
