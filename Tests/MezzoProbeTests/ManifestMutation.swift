import Foundation

/// A manifest with one thing changed, as a slip of its author might.
struct ManifestMutation: Sendable {
  /// `sgemm: ld(A) for k`
  var name: String
  var text: String

  /// Functions that a slip could name instead, which take about the same arguments.
  static let wrongSymbols = [
    "cblas_sgemm", "cblas_dgemm", "cblas_cgemm", "cblas_zgemm", "cblas_ssymm", "cblas_dsymm", "cblas_strmm",
    "cblas_dtrmm",
  ]

  /// All single mutations of what `text` says about its calls, each of which changes the text; in a fixed order.
  static func all(of text: String) -> [ManifestMutation] {
    var mutations: [ManifestMutation] = []
    var seen: Set<String> = [text]
    for mutation in constants(text) + bindings(text) where seen.insert(mutation.text).inserted {
      mutations.append(mutation)
    }
    return mutations
  }

  // MARK: What all bindings share

  private static func constants(_ text: String) -> [ManifestMutation] {
    let changes = [
      ("RowMajor = 101", ["RowMajor = 102", "RowMajor = 100"]),
      ("NoTrans = 111", ["NoTrans = 112", "NoTrans = 113", "NoTrans = 0"]),
      ("\nTrans = 112", ["\nTrans = 111", "\nTrans = 113", "\nTrans = 114", "\nTrans = 0"]),
      ("probe = { blasint = \"isamax\" }", ["probe = { blasint = \"i64\" }", "probe = { blasint = \"i32\" }"]),
      ("suffixes = [\"\", \"64_\"", ["suffixes = [\"64_\""]),
    ]
    return changes.flatMap { original, others in
      others.map { other in
        ManifestMutation(
          name: "\(other) for \(original)".replacing("\n", with: ""), text: text.replacing(original, with: other))
      }
    }
  }

  // MARK: One binding

  private static func bindings(_ text: String) -> [ManifestMutation] {
    let parts = text.split(separator: "[[bind]]", omittingEmptySubsequences: false).map(String.init)
    return parts.indices.dropFirst().flatMap { place -> [ManifestMutation] in
      let lines = parts[place].split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let name = lines.first { $0.hasPrefix("name = ") }?.split(separator: "\"")[1] ?? "?"
      return (arguments(lines) + rest(lines)).map { change, lines in
        var changed = parts
        changed[place] = lines.joined(separator: "\n")
        return ManifestMutation(name: "\(name): \(change)", text: changed.joined(separator: "[[bind]]"))
      }
    }
  }

  private typealias Change = (name: String, lines: [String])

  /// `  ["i32", "m"],` as its type and its expression.
  private static func argument(_ line: String) -> (type: String, expression: String)? {
    let words = line.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
    return words.count == 5 && words[0] == "  [" ? (words[1], words[3]) : nil
  }

  private static func arguments(_ lines: [String]) -> [Change] {
    let places = lines.indices.filter { argument(lines[$0]) != nil }
    func replaced(_ place: Int, _ type: String, _ expression: String) -> [String] {
      var lines = lines
      lines[place] = "  [\"\(type)\", \"\(expression)\"],"
      return lines
    }
    var changes: [Change] = []
    for (number, place) in places.enumerated() {
      guard let (type, expression) = argument(lines[place]) else { continue }
      let name = "argument \(number) (\(expression))"
      var dropped = lines
      dropped.remove(at: place)
      changes.append(("\(name) dropped", dropped))
      var doubled = lines
      doubled.insert(lines[place], at: place)
      changes.append(("\(name) twice", doubled))
      for other in places[(number + 1)...] {
        // Any two neighbours, and any two of one type.
        guard let partner = argument(lines[other]), other == places[number + 1] || partner.type == type else {
          continue
        }
        var swapped = lines
        swapped.swapAt(place, other)
        changes.append(("\(name) and \(partner.expression) change places", swapped))
      }
      for other in otherTypes[type] ?? [] {
        changes.append(("\(name) as \(other)", replaced(place, other, expression)))
      }
      for other in otherExpressions(expression) {
        changes.append(("\(name): \(other)", replaced(place, type, other)))
      }
    }
    return changes
  }

  private static let otherTypes = [
    "i32": ["i64", "i8", "f32"], "blasint": ["i64", "i16", "f64"], "f32": ["f64"], "f64": ["f32"], "ptr": ["size"],
  ]

  private static func otherExpressions(_ expression: String) -> [String] {
    func others(_ words: [String]) -> [String] { words.filter { $0 != expression } }
    switch expression {
    case "RowMajor": return ["102", "0"]
    case "m", "n", "k": return others(["m", "n", "k"]) + ["\(expression) + 1", "\(expression) - 1"]
    case "alpha", "beta": return others(["alpha", "beta"]) + ["0", "1", "-\(expression)"]
    case "A", "B", "C": return others(["A", "B", "C"]) + ["null"]
    default: break
    }
    if expression.hasPrefix("if(") {
      let swapped = expression.replacing("NoTrans, Trans", with: "Trans, NoTrans")
      let (a, b) = ("if(row(A), NoTrans, Trans)", "if(row(B), NoTrans, Trans)")
      return [swapped, "NoTrans", "Trans", expression == a ? b : a, expression.replacing("row(", with: "col(")]
    }
    let own = expression.dropFirst(3).dropLast()
    return others(["ld(A)", "ld(B)", "ld(C)"])
      + ["m", "n", "k", "\(expression) + 1", "\(expression) - 1", "stride(\(own), -2)", "dim(\(own), -1)"]
  }

  /// What is not an argument: the rule and the symbol.
  private static func rest(_ lines: [String]) -> [Change] {
    var changes: [Change] = []
    for (place, line) in lines.enumerated() {
      func change(_ name: String, _ text: String) {
        var lines = lines
        lines[place] = text
        changes.append((name, lines))
      }
      let value = line.split(separator: "\"").dropFirst().first.map(String.init) ?? ""
      if line.hasPrefix("when = ") {
        let terms = value.split(separator: " and ").map(String.init)
        for index in terms.indices {
          var fewer = terms
          fewer.remove(at: index)
          change("without \(terms[index])", line.replacing(value, with: fewer.joined(separator: " and ")))
        }
        for (term, other) in [("row(C)", "unit(C)"), ("row(C)", "col(C)"), ("unit(A) and", "unit(A) or")] {
          change("when \(other)", line.replacing(term, with: other))
        }
        change("without a condition", "")
      } else if line.hasPrefix("sig = ") {
        for (axes, other) in [("[m,k]", "[k,m]"), ("[k,n]", "[n,k]"), ("[m,n]", "[n,m]")] {
          change("sig \(other)", line.replacing(axes, with: other))
        }
        for tensor in ["A:", "B:", "C:"] {
          guard let start = line.range(of: tensor)?.upperBound, let end = line[start...].firstIndex(of: "[") else {
            continue
          }
          for other in ["f32", "f64", "bf16", "i32"] where other != line[start..<end] {
            change("sig \(tensor)\(other)", line.replacingCharacters(in: start..<end, with: other))
          }
        }
      } else if line.hasPrefix("symbol = ") {
        for symbol in wrongSymbols where symbol != value { change(symbol, line.replacing(value, with: symbol)) }
      } else if line.hasPrefix("accum = ") {
        for other in ["f32", "f64", "f16"] { change("accum \(other)", "accum = \"\(other)\"") }
      } else if line.hasPrefix("batch = ") {
        change("batch none", "batch = \"none\"")
      } else if line.hasPrefix("returns = ") {
        for other in ["i32", "f64"] { change("returns \(other)", "returns = \"\(other)\"") }
        change("in place", line + "\nin_place = true")
      }
    }
    return changes
  }
}
