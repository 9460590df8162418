import CommitLog
import Model
import TestSupport
import Testing

/// A directory belongs to whoever opened it, until it is closed.
struct LogDirectoryReleaseTests {
    @Test func aClosedDirectoryCanBeOpenedAgainWhileItsObjectIsStillThere() throws {
        let temporary = try TemporaryDirectory()
        let first = try LogDirectory.open(temporary.path, nodeID: 1)
        #expect(throws: LogError.self) { try LogDirectory.open(temporary.path, nodeID: 1) }
        try first.close()
        let second = try LogDirectory.open(temporary.path, nodeID: 1)
        #expect(second.wasCleanShutdown)
        #expect(second.properties == first.properties)
        try second.close()
    }
}
