#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What containers call the layers that they hold.
enum LayerNames {
  /// Each layer's own name, or that of its class, made unique by a number as Keras does: `dense`, `dense_1`.
  static func unique(_ layers: [any Layer]) -> [String] {
    unique(layers.map { ($0.name, type(of: $0).defaultName) })
  }

  /// The same of names of outputs, of which none is anybody's own.
  static func unique(_ names: [String]) -> [String] { unique(names.map { (nil, $0) }) }

  private static func unique(_ layers: [(own: String?, base: String)]) -> [String] {
    var used: Set<String> = Set(layers.compactMap(\.own))
    var numbers: [String: Int] = [:]
    return layers.map { own, base in
      if let own { return own }
      var name = base
      var number = numbers[base] ?? 0
      while !used.insert(name).inserted {
        number += 1
        name = "\(base)_\(number)"
      }
      numbers[base] = number
      return name
    }
  }

  /// Whether two values describe the same layer.
  static func isSame(_ first: any Layer, _ second: any Layer) -> Bool {
    guard type(of: first) == type(of: second), first.policy == second.policy else { return false }
    if let first = first as? any Hashable, let second = second as? any Hashable {
      return AnyHashable(first) == AnyHashable(second)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let one = try? encoder.encode(AnyLayer(first)) else { return false }
    return one == (try? encoder.encode(AnyLayer(second)))
  }
}
