import Glibc
import Testing

@testable import Model

@Suite struct ProcessMemoryTests {
    @Test func onlyWholePagesInsideTheRangeAreDiscarded() throws {
        let page = sysconf(CInt(_SC_PAGESIZE))
        let length = 8 << 20
        let address = try #require(
            mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0).flatMap {
                $0 == MAP_FAILED ? nil : $0
            }
        )
        defer { munmap(address, length) }
        let bytes = UnsafeMutableRawBufferPointer(start: address, count: length)
        _ = bytes.initializeMemory(as: UInt8.self, repeating: 7)
        ProcessMemory.discard(UnsafeRawBufferPointer(rebasing: bytes[100..<length - 100]))
        #expect(bytes[..<page].allSatisfy { $0 == 7 })
        #expect(bytes[(length - page)...].allSatisfy { $0 == 7 })
        #expect(bytes[page..<length - page].allSatisfy { $0 == 0 })
        ProcessMemory.discard(UnsafeRawBufferPointer(rebasing: bytes[10..<page - 10]))
        ProcessMemory.discard(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(bytes[..<page].allSatisfy { $0 == 7 })
    }
}
