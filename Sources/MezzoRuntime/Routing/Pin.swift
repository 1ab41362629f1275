public import MezzoBackend

/// A user's wish for who does certain operations.
///
/// `encoder.*=onednn` is for all operations below `encoder` that the backend offers; `op:matmul=openblas/sgemm` for all
/// products; `decoder.0.*&op:matmul=builtin` for the products of one layer. A pin is kept or is an error, never a hint; of
/// several that concern an operation the last one counts.
public struct Pin: Hashable, Sendable, CustomStringConvertible {
  /// Of the layer's path; `*` stands for any characters. `nil`: wherever it is.
  public var layer: String?
  /// `nil`: every operation that the backend offers.
  public var operation: OperationCode?
  public var backend: String
  /// `*` stands for any characters; `nil`: any rule of the backend.
  public var rule: String?

  public init(layer: String? = nil, operation: OperationCode? = nil, backend: String, rule: String? = nil) {
    self.layer = layer
    self.operation = operation
    self.backend = backend
    self.rule = rule
  }

  /// Reads `encoder.*=onednn`, `op:matmul=openblas/sgemm`, or both before `=` with `&` between.
  public init(parsing text: String) throws(RoutingError) {
    func wrong(_ message: String) -> RoutingError {
      .syntax(text: text, message: message)
    }
    let sides = text.split(separator: "=", omittingEmptySubsequences: false).map { $0.trimmed }
    guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
      throw wrong("expected WHERE=BACKEND or WHERE=BACKEND/RULE, as in encoder.*=onednn or op:matmul=openblas/sgemm")
    }
    for part in sides[0].split(separator: "&", omittingEmptySubsequences: false).map({ $0.trimmed }) {
      if part.hasPrefix("op:") {
        let name = String(part.dropFirst(3))
        guard let code = OperationCode.allCases.first(where: { $0.name == name }) else {
          throw wrong(
            "there is no operation \(name); there are "
              + OperationCode.allCases.map(\.name).sorted().joined(separator: ", "))
        }
        guard operation == nil else { throw wrong("expected one op:, found two") }
        operation = code
      } else {
        guard !part.isEmpty else { throw wrong("expected a layer's path, * or op:NAME before =") }
        guard layer == nil else { throw wrong("expected one path of layers, found \(layer ?? "") and \(part)") }
        layer = part
      }
    }
    let target = sides[1].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard target.allSatisfy({ !$0.isEmpty }) else { throw wrong("expected BACKEND or BACKEND/RULE behind =") }
    backend = target[0]
    rule = target.count == 2 ? target[1] : nil
  }

  /// Reads pins with commas, semicolons or line ends between.
  public static func list(parsing text: String) throws(RoutingError) -> [Pin] {
    var pins: [Pin] = []
    for part in text.split(whereSeparator: { $0 == "," || $0 == ";" || $0.isNewline }).map({ $0.trimmed })
    where !part.isEmpty {
      pins.append(try Pin(parsing: part))
    }
    return pins
  }

  public var description: String {
    let place = [layer, operation.map { "op:\($0)" }].compactMap { $0 }.joined(separator: "&")
    return "\(place.isEmpty ? "*" : place)=\(backend)" + (rule.map { "/\($0)" } ?? "")
  }

  func concerns(layer path: String, _ code: OperationCode) -> Bool {
    (operation ?? code) == code && (layer.map { PathPattern($0).matches(path) } ?? true)
  }

  func allows(_ id: String, _ name: String) -> Bool {
    backend == id && (rule.map { PathPattern($0).matches(name) } ?? true)
  }
}

extension Router {
  /// Pins that concern none of the operations. One that a later pin overrides is met all the same.
  func unmetPins(_ records: [RouteRecord]) -> [RoutingError] {
    func list(_ names: some Sequence<String>) -> String {
      let sorted = Set(names).filter { !$0.isEmpty }.sorted()
      let hidden = sorted.count - Self.shownNames
      return sorted.isEmpty
        ? "none" : sorted.prefix(Self.shownNames).joined(separator: ", ") + (hidden > 0 ? ", and \(hidden) more" : "")
    }
    return options.pins.compactMap { pin in
      let pattern = pin.layer.map { PathPattern($0) }
      let placed = records.filter { pattern?.matches($0.layer) ?? true }
      if placed.isEmpty {
        return .pin(pin, message: "no layer's path is \(pin.layer ?? "*"); there are \(list(records.map(\.layer)))")
      }
      let codes = Set(placed.map(\.code))
      let concerned = OperationCode.allCases.filter { codes.contains($0.name) && (pin.operation ?? $0) == $0 }
      if concerned.isEmpty {
        let place = pin.layer.map { "in \($0)" } ?? "in the model"
        return .pin(
          pin, message: "there is no \(pin.operation?.name ?? "operation") \(place); there are \(list(codes))")
      }
      if !concerned.contains(where: { offers(pin.backend, $0) }) {
        return .pin(pin, message: "\(pin.backend) offers none of the operations there: \(list(codes))")
      }
      return nil
    }
  }

  private static let shownNames = 24
}

/// A text in which `*` stands for any characters.
public struct PathPattern: Hashable, Sendable {
  private let pieces: [[UInt8]]

  public init(_ text: String) {
    pieces = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
  }

  public func matches(_ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    guard let first = pieces.first, let last = pieces.last else { return text.isEmpty }
    if pieces.count == 1 { return rest.elementsEqual(first) }
    guard rest.starts(with: first) else { return false }
    rest = rest.dropFirst(first.count)
    guard rest.count >= last.count, rest.suffix(last.count).elementsEqual(last) else { return false }
    rest = rest.dropLast(last.count)
    // The first place where a piece fits is the best: what comes later has the more room.
    for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
      guard let place = rest.firstPlace(of: piece) else { return false }
      rest = rest[(place + piece.count)...]
    }
    return true
  }
}

extension ArraySlice<UInt8> {
  fileprivate func firstPlace(of piece: [UInt8]) -> Int? {
    guard count >= piece.count else { return nil }
    return (startIndex...(endIndex - piece.count)).first { self[$0...].starts(with: piece) }
  }
}

extension StringProtocol {
  var trimmed: String {
    var rest = self[...]
    while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return String(rest)
  }
}
