import Testing

private let maximumFileLength = 600
private let maximumFunctionLength = 70

@Test func noFileIsTooLong() {
    let violations = (Repository.sources + Repository.tests).filter { $0.length > maximumFileLength }
        .map { "\($0.path) has \($0.length) lines, \(maximumFileLength) are the limit" }
    expectNone(violations, advice: "Split it by reason to change: one type per file, extensions as Type+Topic.swift.")
}

@Test func noFunctionIsTooLong() {
    let violations = (Repository.sources + Repository.tests).flatMap { source in
        source.functions.filter { $0.length > maximumFunctionLength }.map { function in
            "\(source.path):\(function.line): a function of \(function.length) lines, "
                + "\(maximumFunctionLength) are the limit"
        }
    }
    expectNone(
        violations,
        advice: "Give a part of it a name of its own; keep ifs in the caller and loops in the callee."
    )
}

@Test func everyFileIsNamedAfterWhatItDeclares() {
    let violations = Repository.sources.filter { source in
        if source.name == "main" || source.name == "Placeholder" { return false }
        let base = source.name.prefix { $0 != "+" }.lowercased()
        return !source.declarations.map { $0.lowercased() }.contains { $0.hasPrefix(base) || $0.hasSuffix(base) }
    }
    expectNone(
        violations.map { "\($0.path) declares and extends nothing whose name begins or ends with its own" },
        advice: "Name the file after its main type, or Type+Topic.swift if it extends one."
    )
}

@Test func placeholdersGoWhenTheFirstFileComes() {
    let files = Repository.sources + Repository.tests
    let violations = files.filter { placeholder in
        placeholder.name == "Placeholder"
            && files.contains { $0.target == placeholder.target && $0.name != "Placeholder" }
    }
    expectNone(violations.map { "\($0.path) is no longer needed" }, advice: "Delete it.")
}
