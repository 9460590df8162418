import CSyscalls

/// What the process holds of the machine's memory without using it. Stateless.
package enum ProcessMemory {
    /// Has the allocator give memory back to the system once much of it is free. By itself it keeps up to 64 MiB for each
    /// thread once something large was freed. For the start of a process.
    package static func boundWhatIsFree() { martlet_bound_free_memory() }

    /// Gives memory back to the system whose contents nobody needs any more, before it is freed: freeing much of it at once
    /// holds up every other thread that wants some.
    package static func discard(_ bytes: UnsafeRawBufferPointer) {
        martlet_discard_memory(bytes.baseAddress, bytes.count)
    }
}
