import Glibc
import Testing

@testable import MartletCLI

@Suite struct StandardOutputTests {
    @Test func readerThatWentAwayIsToldApart() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        let output = StandardOutput(descriptor: ends[1])
        try output.write("lost")
        #expect(throws: OutputError.readerGone) { try output.flush() }
        close(ends[1])
        #expect(throws: OutputError.failed(EBADF)) {
            let closed = StandardOutput(descriptor: ends[1])
            try closed.write("lost")
            try closed.flush()
        }
    }

    @Test func nothingIsWrittenBeforeItPaysOrIsAskedFor() throws {
        var ends: [CInt] = [-1, -1]
        #expect(pipe(&ends) == 0)
        #expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        defer { for end in ends { close(end) } }
        let output = StandardOutput(descriptor: ends[1])
        try output.line("a")
        var bytes = [UInt8](repeating: 0, count: 10)
        #expect(read(ends[0], &bytes, 10) == -1)
        try output.flush()
        #expect(read(ends[0], &bytes, 10) == 2)
    }
}
