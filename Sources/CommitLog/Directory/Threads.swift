import Glibc
import Model

/// This process's number.
func currentProcessID() -> Int32 { getpid() }

/// Maps `items` on at most `threads` threads of their own, which end with the call; results are in the items' order.
func parallelMap<Item: Sendable, Output: Sendable>(
    _ items: [Item],
    threads: Int,
    _ body: @escaping @Sendable (Item) -> Output
) -> [Output] {
    let work = SharedWork(items, body)
    let handles = (1..<max(1, min(threads, items.count))).compactMap { _ in work.startThread() }
    // The calling thread works as well, so that it goes on even where no thread can be had.
    work.run()
    for handle in handles { pthread_join(handle, nil) }
    return work.outputs
}

/// A list of work that several threads take from. Owned by its lock.
private final class SharedWork<Item: Sendable, Output: Sendable>: Sendable {
    private let items: [Item]
    private let body: @Sendable (Item) -> Output
    private let state: Locked<(next: Int, outputs: [Int: Output])> = Locked((0, [:]))

    init(_ items: [Item], _ body: @escaping @Sendable (Item) -> Output) {
        self.items = items
        self.body = body
    }

    var outputs: [Output] { state.withLock { $0.outputs }.sorted { $0.key < $1.key }.map(\.value) }

    func run() {
        while let number = take() {
            let output = body(items[number])
            state.withLock { $0.outputs[number] = output }
        }
    }

    private func take() -> Int? {
        state.withLock { state in
            guard state.next < items.count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    func startThread() -> pthread_t? {
        let start = Unmanaged.passRetained(ThreadStart { self.run() })
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, threadMain, start.toOpaque())
        if result == 0 { return thread }
        start.release()
        return nil
    }
}

/// What a new thread runs. Immutable.
private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().body() }
    return nil
}
