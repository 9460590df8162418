import MartletCLI

await CommandLineEntry.run()
