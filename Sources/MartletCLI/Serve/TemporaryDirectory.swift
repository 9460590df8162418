import Glibc
import Model

/// A directory for data that nobody needs afterwards. Owned by the `serve` command, which removes it in the end.
struct TemporaryDirectory {
    let path: String

    init() throws(FileError) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/martlet-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw FileError("create a temporary directory in", parent, code: errno)
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func remove() {
        // What cannot be removed from a temporary directory is the system's to clean up.
        do throws(FileError) { try PosixFileSystem().removeTree(path) } catch {}
    }
}
