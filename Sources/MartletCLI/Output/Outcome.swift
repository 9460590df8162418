import ArgumentParser
import Glibc
import MartletClient

/// How commands end: runs one, turns what it throws into a line on standard error and an exit status. Stateless.
enum Outcome {
    static func report(_ body: () async throws -> Void) async throws {
        // A reader that goes away must be an error of write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            try await body()
        } catch let error as ClientError {
            StandardError.line("martlet: \(error.description)")
            throw ExitStatus(error).exit
        } catch let error as InputError {
            StandardError.line("martlet: \(error.description)")
            throw error.status.exit
        } catch OutputError.readerGone {
            return
        } catch OutputError.failed(let code) {
            StandardError.line("martlet: cannot write the output: \(words(errno: code))")
            throw ExitStatus.output.exit
        }
    }

    /// The operating system's words for one of its errors.
    static func words(errno code: CInt) -> String {
        strerror(code).map { String(cString: $0) } ?? "system error \(code)"
    }
}
