/// A key of a policy map as a regular expression for whole paths.
///
/// Characters, `.`, classes such as `[a-z]`, groups, `|`, and the repetitions `*`, `+`, `?` and `{m,n}`, as Python's `re` reads
/// them. Not its assertions and references back, which match more than regular languages. A pattern comes from a file as
/// often as from a program, so it is matched with sets of positions: the cost is the pattern's length times the square of
/// the path's, whatever they are.
struct PathPattern: Sendable {
  private indirect enum Node: Sendable {
    case one(@Sendable (Character) -> Bool)
    case sequence([Node])
    case choice([Node])
    case repeated(Node, least: Int, most: Int?)
  }

  private let root: Node

  /// What is wrong with a pattern.
  struct Flaw: Error {
    let expected: String
  }

  init(_ text: String) throws(Flaw) {
    guard text.count <= Self.longest else { throw Flaw(expected: "at most \(Self.longest) characters") }
    var parser = Parser(rest: text[...])
    root = try parser.choice(depth: 0)
    guard parser.rest.isEmpty else { throw Flaw(expected: "a regular expression, with each bracket in a pair") }
  }

  /// Whether the pattern matches all of `path`.
  func matches(_ path: String) -> Bool {
    let characters = Array(path)
    return Self.ends(root, from: [0], in: characters).contains(characters.count)
  }

  private static let longest = 256

  /// Where a match of `node` that begins at one of `starts` can end.
  private static func ends(_ node: Node, from starts: Set<Int>, in path: [Character]) -> Set<Int> {
    switch node {
    case .one(let accepts): return Set(starts.lazy.filter { $0 < path.count && accepts(path[$0]) }.map { $0 + 1 })
    case .sequence(let nodes): return nodes.reduce(starts) { $0.isEmpty ? $0 : ends($1, from: $0, in: path) }
    case .choice(let nodes): return nodes.reduce([]) { $0.union(ends($1, from: starts, in: path)) }
    case .repeated(let node, let least, let most):
      var current = starts
      for _ in 0..<least { current = ends(node, from: current, in: path) }
      var all = current
      var count = least
      while !current.isEmpty, most.map({ count < $0 }) ?? true {
        current = ends(node, from: current, in: path).subtracting(all)
        all.formUnion(current)
        count += 1
      }
      return all
    }
  }

  private struct Parser {
    var rest: Substring

    private static let deepest = 16
    private static let mostRepeats = 64

    mutating func choice(depth: Int) throws(Flaw) -> Node {
      guard depth <= Self.deepest else { throw Flaw(expected: "at most \(Self.deepest) groups in each other") }
      var nodes = [try sequence(depth)]
      while take("|") { nodes.append(try sequence(depth)) }
      return nodes.count == 1 ? nodes[0] : .choice(nodes)
    }

    private mutating func sequence(_ depth: Int) throws(Flaw) -> Node {
      var nodes: [Node] = []
      while let next = rest.first, next != "|", next != ")" { nodes.append(try repetition(depth)) }
      return .sequence(nodes)
    }

    private mutating func repetition(_ depth: Int) throws(Flaw) -> Node {
      let node = try atom(depth)
      let repeated: Node
      if take("*") {
        repeated = .repeated(node, least: 0, most: nil)
      } else if take("+") {
        repeated = .repeated(node, least: 1, most: nil)
      } else if take("?") {
        repeated = .repeated(node, least: 0, most: 1)
      } else if take("{") {
        repeated = try counted(node)
      } else {
        return node
      }
      // How much is tried first makes no difference to whether all of a path matches.
      _ = take("?")
      if let next = rest.first, "*+?{".contains(next) { throw Flaw(expected: "one repetition at a time") }
      return repeated
    }

    private mutating func counted(_ node: Node) throws(Flaw) -> Node {
      guard let end = rest.firstIndex(of: "}") else { throw Flaw(expected: "a } behind {") }
      let bounds = rest[..<end].split(separator: ",", omittingEmptySubsequences: false)
      rest = rest[rest.index(after: end)...]
      let least = Int(bounds[0]) ?? -1
      let most = bounds.count == 1 ? least : bounds[1].isEmpty ? nil : Int(bounds[1]) ?? -1
      guard bounds.count <= 2, (0...Self.mostRepeats).contains(least),
        (least...Self.mostRepeats).contains(most ?? least)
      else { throw Flaw(expected: "{m}, {m,} or {m,n} with numbers up to \(Self.mostRepeats)") }
      return .repeated(node, least: least, most: most)
    }

    private mutating func atom(_ depth: Int) throws(Flaw) -> Node {
      guard let first = rest.popFirst() else { return .sequence([]) }
      switch first {
      case "(":
        if take("?"), !take(":") { throw Flaw(expected: "no assertion or named group") }
        let node = try choice(depth: depth + 1)
        guard take(")") else { throw Flaw(expected: "a ) for each (") }
        return node
      case "[": return .one(try characterClass())
      case ".": return .one { $0 != "\n" }
      case "\\": return .one(try escaped())
      case "*", "+", "?", "{": throw Flaw(expected: "something before \(first)")
      case "^", "$": throw Flaw(expected: "no anchors, since all of a path has to match")
      default: return .one { $0 == first }
      }
    }

    private mutating func escaped() throws(Flaw) -> @Sendable (Character) -> Bool {
      guard let character = rest.popFirst() else { throw Flaw(expected: "a character behind \\") }
      switch character {
      case "d": return { $0.isNumber }
      case "w": return { $0.isLetter || $0.isNumber || $0 == "_" }
      case "s": return { $0.isWhitespace }
      case _ where character.isLetter || character.isNumber:
        throw Flaw(expected: "only \\d, \\w, \\s and escaped punctuation")
      default: return { $0 == character }
      }
    }

    private mutating func characterClass() throws(Flaw) -> @Sendable (Character) -> Bool {
      let isNegated = take("^")
      var parts: [@Sendable (Character) -> Bool] = []
      while true {
        guard let first = rest.popFirst() else { throw Flaw(expected: "a ] for each [") }
        if first == "]", !parts.isEmpty { break }
        if first == "\\" {
          parts.append(try escaped())
        } else if rest.first == "-", let last = rest.dropFirst().first, last != "]" {
          rest = rest.dropFirst(2)
          guard first <= last else { throw Flaw(expected: "ranges from lower to higher") }
          parts.append { (first...last).contains($0) }
        } else {
          parts.append { $0 == first }
        }
      }
      let all = parts
      return { character in all.contains { $0(character) } != isNegated }
    }

    private mutating func take(_ character: Character) -> Bool {
      guard rest.first == character else { return false }
      rest = rest.dropFirst()
      return true
    }
  }
}
