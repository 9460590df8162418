import CSyscalls
import Glibc

/// A file of the machine. Thread-safe: it has no position of its own. Owns its descriptor.
package final class PosixFile: File {
    package let path: String
    private let number: CInt
    /// Whether the disk was read-only when the file was opened.
    private let isReadOnly: Bool

    /// Takes over an open descriptor and closes it in the end.
    package init(path: String, owning descriptor: CInt, isReadOnly: Bool = false) {
        self.path = path
        self.isReadOnly = isReadOnly
        number = descriptor
    }

    deinit { close(number) }

    package var descriptor: CInt? { number }

    package func size() throws(FileError) -> Int {
        var status = stat()
        try check("stat", path) { fstat(number, &status) }
        return Int(status.st_size)
    }

    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(number, buffer.baseAddress.map { $0 + done }, buffer.count - done, position.bytes + done)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw FileError("read", path, code: errno)
            }
        }
        return done
    }

    package func readCached(
        into buffer: UnsafeMutableRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) -> Int? {
        var done = 0
        while done < buffer.count {
            let start = buffer.baseAddress.map { $0 + done }
            let count = martlet_read_cached(number, start, buffer.count - done, off_t(position.bytes + done))
            if count == 0 { break }
            if count > 0 {
                done += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            case EOPNOTSUPP, ENOSYS, EINVAL:
                // A file system that cannot say, such as some in memory.
                guard isResident(from: position, length: buffer.count) else { return nil }
                return try read(into: buffer, at: position)
            default: throw FileError("read", path, code: errno)
            }
        }
        return done
    }

    package func isCached(from position: FilePosition, length: Int) -> Bool {
        guard length > 0 else { return true }
        // cachestat(2) answers in a fiftieth of the time of mincore(2), which looks up every page, but counts pages that
        // are still being read. Those are at the end of a range, so the end is asked about again.
        let missing = pagesNotCached(from: position, length: length)
        if missing < 0 { return isResident(from: position, length: length) }
        guard missing == 0 else { return false }
        var last: UInt8 = 0
        let count = withUnsafeMutableBytes(of: &last) { byte in
            martlet_read_cached(number, byte.baseAddress, 1, off_t(position.bytes + length - 1))
        }
        if count >= 0 || errno == EINTR { return true }
        return errno != EAGAIN && isResident(from: position + (length - 1), length: 1)
    }

    package func dropCached(from position: FilePosition, length: Int) {
        posix_fadvise(number, off_t(position.bytes), off_t(length), POSIX_FADV_DONTNEED)
    }

    /// The same by mincore(2), for where nothing else tells.
    private func isResident(from position: FilePosition, length: Int) -> Bool {
        martlet_pages_not_resident_in_file(number, off_t(position.bytes), length) == 0
    }

    package func readOnce(
        into buffer: UnsafeMutableRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) -> Int {
        let missing = pagesNotCached(from: position, length: buffer.count)
        // Without reading ahead: what that brings in would look as if someone else had.
        if missing > 0 { posix_fadvise(number, 0, 0, POSIX_FADV_RANDOM) }
        let count = try read(into: buffer, at: position)
        if missing > 0 { posix_fadvise(number, off_t(position.bytes), off_t(count), POSIX_FADV_DONTNEED) }
        return count
    }

    package func write(
        _ head: UnsafeRawBufferPointer,
        _ tail: UnsafeRawBufferPointer,
        at position: FilePosition
    ) throws(FileError) {
        if isReadOnly { throw FileError("write", path, code: EROFS) }
        let total = head.count + tail.count
        var done = 0
        while done < total {
            let headDone = min(done, head.count)
            let tailDone = done - headDone
            let count = martlet_write2(
                number,
                head.baseAddress.map { $0 + headDone },
                head.count - headDone,
                tail.baseAddress.map { $0 + tailDone },
                tail.count - tailDone,
                off_t(position.bytes + done)
            )
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                // A write of no bytes is not progress, and asking again would not make it one.
                throw FileError("write", path, code: count == 0 ? EIO : errno)
            }
        }
    }

    package func truncate(to size: Int) throws(FileError) {
        if isReadOnly { throw FileError("truncate", path, code: EROFS) }
        try check("truncate", path) { ftruncate(number, off_t(size)) }
    }

    package func reserve(from position: FilePosition, length: Int) throws(FileError) {
        do {
            try check("reserve space for", path) { martlet_reserve(number, off_t(position.bytes), off_t(length)) }
        } catch  where error.code == EOPNOTSUPP || error.code == ENOSYS {
            // Only a hint: tmpfs and network file systems may not have it.
        }
    }

    /// How many pages of the range are not in the page cache; negative if the kernel cannot say.
    fileprivate func pagesNotCached(from position: FilePosition, length: Int) -> Int {
        martlet_pages_not_cached(number, off_t(position.bytes), length)
    }

    package func sync() throws(FileError) {
        DiskWaits.begin(path)
        try check("sync", path) { fdatasync(number) }
    }

    package func beginWriteback(from position: FilePosition, length: Int) {
        // A hint: whether the bytes arrive, sync() tells.
        _ = martlet_begin_writeback(number, off_t(position.bytes), off_t(length))
    }

    package func awaitWriteback(from position: FilePosition, length: Int) throws(FileError) {
        DiskWaits.begin(path)
        try check("sync", path) { martlet_await_writeback(number, off_t(position.bytes), off_t(length)) }
    }

    package func takeExclusively() throws(FileError) -> Bool {
        do {
            try check("lock", path) { flock(number, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.code == EWOULDBLOCK { return false }
            throw error
        }
    }

    package func map(capacity: Int) throws(FileError) -> any FileMapping {
        guard let address = mmap(nil, capacity, PROT_READ, MAP_SHARED, number, 0), address != MAP_FAILED else {
            throw FileError(FileError.mapping, path, code: errno)
        }
        // The mapping is read a header here and an index entry there: pages around them would only count as ours.
        madvise(address, capacity, MADV_RANDOM)
        return PosixFileMapping(address: address, length: capacity, file: self)
    }
}

/// A read-only shared mapping. Immutable; unmapped when the last reference goes.
package final class PosixFileMapping: FileMapping, @unchecked Sendable {
    package let bytes: UnsafeRawBufferPointer
    private let file: PosixFile
    /// Up to here asking page by page is one system call, and cheaper than two.
    private static let fewBytes = 64 * 1024

    init(address: UnsafeMutableRawPointer, length: Int, file: PosixFile) {
        bytes = UnsafeRawBufferPointer(start: address, count: length)
        self.file = file
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

    package func isResident(from position: FilePosition, length: Int) -> Bool {
        guard length > 0, let base = bytes.baseAddress, position.bytes + length <= bytes.count else { return true }
        // mincore(2) looks up every page, 20 µs for a mebibyte; cachestat(2) answers in a fiftieth of that, but counts
        // pages that are still being read. Those are at the end of a range, so the end is asked about again.
        var checked = length
        if length > Self.fewBytes {
            let missing = file.pagesNotCached(from: position, length: length)
            if missing > 0 { return false }
            if missing == 0 { checked = 1 }
        }
        return martlet_pages_not_resident(base + position.bytes + length - checked, checked) == 0
    }
}
