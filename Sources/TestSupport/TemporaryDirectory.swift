import Glibc
import Model

/// A directory of the machine for one test; removed with everything in it when the last reference goes.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileError("create a directory from", "/tmp", code: errno) }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        do { try PosixFileSystem().removeTree(path) } catch { print("left behind: \(error)") }
    }
}
