import ArgumentParser

/// `martlet completion`: writes the script that lets a shell complete commands, options and values. A value.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Write a script that lets your shell complete martlet's commands and options.",
        discussion: """
            Examples:
              martlet completion bash > /etc/bash_completion.d/martlet
              source <(martlet completion bash)
              martlet completion zsh > ~/.zfunc/_martlet
              martlet completion fish > ~/.config/fish/completions/martlet.fish

            zsh looks in the directories of fpath: put 'fpath+=~/.zfunc; autoload -Uz compinit; compinit' into ~/.zshrc.
            """
    )

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var value: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "The shell.")
    var shell: Shell

    func run() { print(MartletCommand.completionScript(for: shell.value)) }
}
