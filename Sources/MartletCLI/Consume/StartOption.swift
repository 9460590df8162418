import ArgumentParser
import MartletClient

/// Where `martlet consume` begins, as people type it. A value.
struct StartOption: ExpressibleByArgument, Equatable {
    let position: StartPosition

    /// `beginning`, `end`, an offset, `-N` for the last N, or `@` and a time.
    init?(argument: String) {
        switch argument {
        case "beginning": position = .beginning
        case "end": position = .end
        default:
            if argument.hasPrefix("@") {
                guard let time = TimeParser.milliseconds(String(argument.dropFirst())) else { return nil }
                position = .time(time)
            } else if let number = Int64(argument), number != .min {
                position = argument.hasPrefix("-") ? .last(-number) : .offset(number)
            } else {
                return nil
            }
        }
    }
}
