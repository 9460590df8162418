import ArgumentParser
import Testing

@testable import MartletCLI

@Suite struct CommandTests {
    @Test(arguments: [
        ["topic", "create"], ["topic", "create", "t", "--partitions", "0"], ["topic", "create", "t", "--config", "x"],
        ["topic", "alter", "t"], ["topic", "trim", "t", "--offset", "5"], ["topic", "trim", "t", "--offset", "-5"],
        ["produce"], ["produce", "t", "--acks", "2"], ["produce", "t", "-z", "rar"], ["produce", "t", "-K", ""],
        ["produce", "t", "-p", "-1"], ["consume"], ["consume", "t", "--from", "x"], ["consume", "t", "-c", "0"],
        ["consume", "t", "--group", ""], ["consume", "t", "--pattern", "x", "--group", "g"],
        ["consume", "--group", "g"],
        ["consume", "t", "--assignor", "range"], ["consume", "t", "-g", "g", "--assignor", "sticky"],
        ["consume", "t", "-g", "g", "-p", "0"],
        ["consume", "t", "-g", "g", "--protocol", "consumer", "--assignor", "range"],
        ["consume", "t", "-g", "g", "--session-timeout", "0"],
        ["consume", "--pattern", "x", "t"], ["consume", "t", "--grep", "("],
        ["consume", "t", "-g", "g", "--until", "5"],
        ["produce", "t", "--input", "xml"], ["produce", "t", "--rate", "0"], ["produce", "t", "--rate", "nan"],
        ["produce", "t", "--input", "json", "-K", ":"], ["produce", "t", "-f", "%k%s"],
        ["produce", "t", "--timestamp", "x"],
        ["completion"], ["completion", "tcsh"],
        ["bench", "produce", "--size", "15"], ["bench", "produce", "--records", "0"], ["bench", "consume"],
        ["bench", "latency", "--rate", "inf"], ["bench", "latency", "--duration", "0"],
        ["bench", "produce", "--keys", "-1"],
        ["topic", "copy", "a"], ["topic", "copy", "a", "a"], ["topic", "copy", "a", "b", "--partitions", "0"],
        ["topic", "backup", "a"], ["topic", "backup", "a", "-", "--json"], ["topic", "restore"],
        ["topic", "restore", "x", "--config", "novalue"],
        ["consume", "t", "--json", "-f", "%s"], ["consume", "t", "-f", "%x"], ["topic", "list", "-b", "a:b"],
        ["topic", "explain"], ["retention", "apply"],
        ["log", "dump"], ["log", "verify"], ["log", "verify", "a", "b"], ["nonsense"],
        ["group", "describe"], ["group", "history"], ["group", "describe", "g", "--all"],
        ["group", "describe", "g", "--interval", "nan"],
        ["group", "list", "--state", "asleep"], ["group", "list", "--type", "share"], ["group", "export"],
        ["group", "reset", "g", "--to-end"], ["group", "reset", "g", "--all-topics"], ["group", "delete"],
        ["group", "reset", "g", "--to-end", "--to-beginning", "-t", "t"], ["group", "delete-offsets", "g"],
        ["group", "reset", "g", "--to-time", "x", "-t", "t"], ["group", "reset", "g", "--to-end", "-t", "t:a"],
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
        ["consume", "t", "-g", "g", "--protocol", "classic", "--assignor", "roundrobin", "--instance-id", "i"],
        ["consume", "-g", "g", "--pattern", "t.*", "-e", "--from", "beginning"],
        ["consume", "t", "-g", "g", "--protocol", "consumer"],
        ["consume", "--pattern", "x.*", "--offsets", "5..7", "--base64"],
        ["consume", "t", "-F", "-k", "a", "-H", "b=c"],
        ["bench", "produce", "t", "--size", "1000", "-z", "lz4", "--acks", "1", "--json"], ["bench", "latency"],
        ["topic", "copy", "a", "a", "--target-bootstrap", "x:1"], ["topic", "backup", "a", "-"],
        ["topic", "restore", "x", "y", "--config", "a=b", "--check"],
        ["produce", "t", "-f", "%p %s", "--rate", "0.5", "--strict", "--timestamp", "2026-01-31", "--base64"],
        ["topic", "explain", "a", "b", "--json"],
        ["group", "list", "--state", "stable", "--state", "Empty", "--type", "classic"],
        ["group", "describe", "a", "b", "--watch", "--interval", "0.5"], ["group", "export", "--all", "-t", "t:0-3"],
        ["group", "reset", "g", "--shift-by", "-5", "--all-topics", "--execute"],
        ["group", "reset", "g", "--by-duration", "P1D", "-t", "a:0,1", "-t", "b"],
        ["group", "reset", "g", "--from-file", "-"], ["group", "import", "-", "-g", "g", "--execute"],
        ["group", "delete-offsets", "g", "-t", "t:1"], ["group", "delete", "a", "b", "--if-exists"],
        ["retention", "apply", "a", "b", "--dry-run", "--json"],
        ["topic", "list", "-b", "a:1,[::1]:2", "--json"], ["log", "dump", "a.log", "b.index", "--records", "--json"],
        ["log", "verify", "d", "--records", "--allow-gaps", "--json"],
    ])
    func commandsAreUnderstood(arguments: [String]) throws { _ = try MartletCommand.parseAsRoot(arguments) }
}
