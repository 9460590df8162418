import Testing

@Test(arguments: [
    ("a // b \"c\n\"d\" e", "a        \n    e"),
    ("a /* b /* c */ d */ e", "a                   e"),
    ("\"a\\\"b\" c", "       c"),
    ("\"\\(f(\"x\", g(1))) y\" z", "                    z"),
    ("#\"a\\\"\"# b", "        b"),
    ("#\"\\#(f(\")\"))\"# b", "               b"),
    ("\"\"\"\na \" b\n\"\"\" c", "   \n     \n    c"),
    ("#if x\n\"//\" y", "#if x\n     y"),
    ("\"open", "     "),
    ("/* open", "       "),
])
func commentsAndStringsAreBlanked(_ text: String, _ code: String) {
    #expect(SwiftScanner.codeOnly(text) == code)
}

@Test func functionsAreMeasuredFromNameToBrace() {
    let code = """
        protocol P {
            func without()
            func alsoWithout() throws(E) -> Int
            init()
        }
        func a() { }
        func b(
            _ x: () -> Void = { }
        ) throws -> [Int]
        where X: Y {
            if x { self.init() }
        }
        struct S {
            init(
                x: Int
            ) {
                let init1 = .init(x)
            }
            let function = 1
        }
        """
    let functions = SwiftScanner.functions(in: code)
    #expect(functions.map(\.line) == [6, 7, 14])
    #expect(functions.map(\.length) == [1, 6, 5])
}

@Test func importsAreFoundInEveryForm() {
    let source = SwiftSource(
        path: "Sources/X/Y.swift",
        text: """
            import A
            package import B
            @testable public import C
            import struct D.E
            // import F
            let text = "import G"
            #if canImport(H)
                import H
            #endif
            let x = important
            """
    )
    #expect(source.imports.map(\.module) == ["A", "B", "C", "D", "H"])
    #expect(source.imports.map(\.line) == [1, 2, 3, 4, 8])
    #expect(source.target == "X")
    #expect(source.name == "Y")
}

@Test func wordsAreFoundWhole() {
    #expect("a public b".containsWord("public"))
    #expect("public".containsWord("public"))
    #expect(!"republic publics public_".containsWord("public"))
    #expect("x = try! y".containsWord("try!"))
    #expect(!"aaaa".containsWord("aa"))
}
