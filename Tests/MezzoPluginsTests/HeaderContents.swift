/// What a header of the ABI declares, found in its text: members of structs and numbers of enumerators.
struct HeaderContents {
  static let names = ["mezzo_backend.h", "mezzo_device.h"]

  /// `mezzo_error.code`
  private(set) var members: [(owner: String, name: String)] = []
  private(set) var numbers: [String] = []

  init(_ text: String) {
    let code = Self.code(text)
    for match in code.matches(of: /typedef struct (?:\w+ )?\{(?<body>[^{}]*(?:\{[^{}]*\}[^{}]*)*)\} (?<name>\w+);/) {
      for statement in Self.flattened(String(match.output.body)).split(separator: ";") {
        for name in Self.declared(String(statement)) { members.append((String(match.output.name), name)) }
      }
    }
    for match in code.matches(of: /enum \{(?<body>[^{}]*)\}/) {
      for enumerator in match.output.body.split(separator: ",") {
        let name = enumerator.split(separator: "=")[0].filter { !$0.isWhitespace }
        if !name.isEmpty { numbers.append(String(name)) }
      }
    }
  }

  /// Prints a line for each member, with its offset and size, and for each number.
  func program(including header: String) -> String {
    let lines =
      members.map { owner, name in
        "printf(\"\(owner).\(name) %zu %zu\\n\", offsetof(\(owner), \(name)), sizeof(((\(owner) *)0)->\(name)));"
      } + numbers.map { "printf(\"\($0) %lld\\n\", (long long)\($0));" }
    return """
      #include "\(header)"
      #include <stdio.h>
      int main(void) {
      \(lines.joined(separator: "\n"))
      return 0;
      }
      """
  }

  /// The text without comments, and with one space wherever there is any.
  static func code(_ text: String) -> String {
    text.replacing(/\/\*(?:[^*]|\*(?!\/))*\*\//, with: " ").replacing(/\s+/, with: " ")
  }

  /// A union's own members are at its beginning: its name alone matters.
  private static func flattened(_ body: String) -> String {
    body.replacing(/union \{[^{}]*\} (\w+)/) { "int \($0.output.1)" }
  }

  /// `const char *id, *version` declares `id` and `version`; `void (*free)(…)` declares `free`.
  private static func declared(_ statement: String) -> [String] {
    if let function = statement.firstMatch(of: /\(\*(\w+)\)/) { return [String(function.output.1)] }
    return statement.split(separator: ",").compactMap { part in
      part.replacing(/\[[^\]]*\]/, with: "").matches(of: /\w+/).last.map { String($0.output) }
    }
  }
}
