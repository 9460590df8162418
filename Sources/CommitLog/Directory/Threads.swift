import Glibc
import Model

/// This process's number.
func currentProcessID() -> Int32 { getpid() }
