import Testing

@testable import MezzoPlugins

struct TOMLReaderTests {
  private func error(_ text: String) -> TOMLError? {
    do {
      _ = try TOMLReader.read(text)
      return nil
    } catch {
      return error
    }
  }

  /// The value as text, whatever its kind.
  private func value(_ text: String) throws -> String {
    let table = try TOMLReader.read("x = \(text)")
    return Self.describe(try #require(table["x"]).value)
  }

  private static func describe(_ value: TOMLValue) -> String {
    switch value.content {
    case .string(let string): "'\(string.text)'"
    case .integer(let integer): "\(integer)"
    case .float(let double): "\(double)"
    case .bool(let bool): "\(bool)"
    case .array(let elements): "[\(elements.map(describe).joined(separator: " "))]"
    case .table(let table): "{\(table.entries.map { "\($0.key)=\(describe($0.value))" }.joined(separator: " "))}"
    }
  }

  @Test(arguments: [
    ("1", "1"), ("-17", "-17"), ("+3", "3"), ("1_000", "1000"), ("0x1F", "31"), ("0o17", "15"), ("0b101", "5"),
    ("0", "0"), ("1.5", "1.5"), ("-1e3", "-1000.0"), ("6.25e-2", "0.0625"), ("inf", "inf"), ("-inf", "-inf"),
    ("nan", "nan"), ("true", "true"), ("false", "false"), (#""a\tb\u00e4\\""#, "'a\tbä\\'"), (#"'a\t'"#, #"'a\t'"#),
    ("\"\"\"\na\\\n   b\"\"\"", "'ab'"), ("'''\na\nb'''", "'a\nb'"),
    (#""""two "" quotes"""""#, "'two \"\" quotes\"'"),
    ("[1, 2,\n 3, # three\n]", "[1 2 3]"), ("[]", "[]"), ("{ a = 1, b.c = 2 }", "{a=1 b={c=2}}"), ("{}", "{}"),
  ])
  func reads(text: String, expected: String) throws { #expect(try value(text) == expected) }

  @Test func readsTables() throws {
    let text = """
      a.b = 1 # a comment
      [t]
      "quoted key" = 'x'
      [[list]]
      n = 1
      [[list.inner]]
      m = 2
      [[list]]
      n = 3
      [t.sub]
      k = 4
      """
    let root = try TOMLReader.read(text)
    let described = Self.describe(TOMLValue(content: .table(root), position: 0))
    #expect(
      described == "{a={b=1} t={quoted key='x' sub={k=4}} list=[{n=1 inner=[{m=2}]} {n=3}]}", "\(described)")
  }

  @Test(arguments: [
    ("x = ", 4, "expected a value, found the end of the file"), ("x 1", 2, "expected = behind the key x"),
    ("x = 1 y = 2", 6, "expected the end of the line"), ("x = 1\nx = 2", 6, "x stands twice"),
    ("[a]\n[a]", 5, "a stands twice"), ("x = [1 2]", 7, "expected , or ]"),
    ("x = \"a", 6, "expected the end of the string"),
    ("x = \"a\nb\"", 6, "expected the end of the string on its line"),
    ("x = \"\\q\"", 5, "expected one of the escapes"),
    ("x = 01", 4, "expected a value"), ("x = 1__0", 4, "expected a value"),
    ("x = yes", 4, "text stands between quotation"),
    ("x = 9223372036854775808", 4, "expected a value"), ("x = 1979-05-27", 4, "expected a value"),
    ("[a\n", 2, "expected ]"), ("= 1", 0, "expected a key"), ("x = {a = 1\n}", 10, "expected , or }"),
    ("x = 1\n[x]", 7, "x stands twice"), ("x = {}\n[x.y]", 8, "x is a table"), ("x = [1]\n[[x]]", 10, "x stands twice"),
    ("# \u{1}", 2, "without control characters"), ("x = 0x", 4, "expected a value"),
  ])
  func refuses(text: String, position: Int, message: String) throws {
    let found = try #require(error(text))
    #expect(found.position == position, "\(found)")
    #expect(found.message.contains(message), "\(found.message)")
  }

  @Test func boundsWhatATextCanDo() throws {
    #expect(error(String(repeating: "#", count: TOMLReader.byteLimit + 1))?.message.contains("bytes") == true)
    #expect(error("x = " + String(repeating: "[", count: 100_000))?.message.contains("nest") == true)
    #expect(error("x = [" + String(repeating: "0,", count: 30_000) + "]")?.message.contains("values") == true)
    #expect(error(Array(repeating: "a", count: 100).joined(separator: ".") + " = 1")?.message.contains("parts") == true)
  }

  @Test func everyByteOfAStringHasItsPlace() throws {
    let table = try TOMLReader.read(#"x = "a\tb\u00e4c""#)
    guard case .string(let string)? = table["x"]?.value.content else {
      Issue.record("no string")
      return
    }
    // a, tab, b, two bytes of ä, c, and the closing quotation mark.
    #expect(string.offsets == [5, 6, 8, 9, 9, 15, 16])
  }
}
