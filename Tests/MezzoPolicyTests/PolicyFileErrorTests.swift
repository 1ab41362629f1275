import MezzoPolicy
import Testing

/// What is said about files that are no policy files.
@Suite struct PolicyFileErrorTests {
  private func error(_ text: String) -> PolicyError? {
    #expect(throws: PolicyError.self) { try PolicyFile(json: Array(text.utf8)) }
  }

  @Test func aLaterVersionSaysWhatToDo() {
    let error = error(#"{"mezzo_policy": 2, "policy": "float16"}"#)
    #expect(error == .schemaVersion(found: 2, readable: PolicyFile.version))
    let text = error?.description ?? ""
    #expect(text.contains("schema version 2; this Mezzo reads version 1. Update Mezzo, or write the file again"))
  }

  @Test(arguments: [
    ("1.5", "1.5"), ("0", "0"), ("-3", "-3"), (#""1""#, #""1""#), ("null", "null"), ("[1]", "an array"),
  ])
  func whatIsNoVersionIsQuoted(version: String, found: String) {
    #expect(
      error(#"{"mezzo_policy": \#(version)}"#)
        == .configuration(place: "mezzo_policy", expected: "the schema version 1", found: found))
  }

  @Test(arguments: ["NoSuch", "Functional", "Dense", "dtypepolicy"])
  func anUnknownClassIsNoName(className: String) {
    let error = error(#"{"class_name": "\#(className)", "config": {"name": "float16"}}"#)
    guard case .unknownClass(className, let known)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    for name in ["Policy", "PolicyV1", "DTypePolicy", "QuantizedDTypePolicy", "DTypePolicyMap"] {
      #expect(known.contains(name) && error?.description.contains(name) == true)
    }
    #expect(error?.description.contains("a layer whose config has a dtype") == true)
  }

  @Test(arguments: [
    ("", 1, 1, "a value", "the end"), ("{", 1, 2, "a key", "the end"), ("{\n  \"a\" 1}", 2, 7, "a colon", "'1'"),
    ("{\"a\": 1,\n\n]", 3, 1, "a key", "']'"), ("[1, 2", 1, 6, "closing bracket", "the end"),
    ("{\"a\": 1", 1, 8, "closing brace", "the end"), ("[1,}", 1, 4, "a value", "'}'"),
    ("\"abc", 1, 5, "quotation mark", "the end"), ("\"a\nb\"", 1, 3, "quotation mark", "the byte 10"),
    ("\"\\x\"", 1, 3, "backslash", "'x'"), ("\"\\u12g4\"", 1, 6, "hexadecimal", "'g'"),
    ("-", 1, 2, "a digit", "the end"),
    ("[1.]", 1, 4, "a digit", "']'"), ("[1e+]", 1, 5, "a digit", "']'"), ("nul", 1, 4, "null", "the end"),
    ("[\n  true,\n  nope\n]", 3, 4, "null", "'o'"), ("{} x", 1, 4, "nothing behind", "'x'"),
    ("{'a': 1}", 1, 2, "a key", "'"), ("mixed_float16", 1, 1, "a value", "'m'"),
  ])
  func textThatIsNoJSONSaysWhere(text: String, line: Int, column: Int, expected: String, found: String) {
    let error = error(text)
    guard case .json(line, column, let what, let there)? = error else {
      Issue.record("\(text): \(String(describing: error))")
      return
    }
    #expect(what.contains(expected) && there.contains(found), "\(text): \(what), \(there)")
    #expect(error?.description.contains("line \(line), column \(column)") == true)
  }

  @Test func bytesThatAreNoTextHaveNoPlace() {
    let error = #expect(throws: PolicyError.self) { try PolicyFile(json: [0x22, 0xFF, 0xFE, 0x22]) }
    guard case .configuration? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
