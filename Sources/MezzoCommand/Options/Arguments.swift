import ArgumentParser
import Mezzo

/// How arguments become values, with errors that say what would have been right.
enum Arguments {
  /// A policy that layers may have by default: a floating one.
  @Sendable static func policy(_ text: String) throws -> DTypePolicy {
    try checked(withPolicy(text) { globalPolicy() })
  }

  @Sendable static func anyPolicy(_ text: String) throws -> DTypePolicy { try checked(DTypePolicy(text)) }

  /// A policy is read without knowing the operations that there are. What is misspelt is said here, before anything runs.
  private static func checked(_ policy: DTypePolicy) throws -> DTypePolicy {
    _ = try OperationPrecision(policy: policy)
    return policy
  }

  @Sendable static func layers(_ text: String) throws -> LayerWidths {
    let widths = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard let widths = widths.allSatisfy({ (1...LayerWidths.limit).contains($0) }) ? widths : nil else {
      throw ValidationError(
        "expected the units of each hidden layer, 1 to \(LayerWidths.limit), with commas between, such as 512,512")
    }
    return LayerWidths(widths: widths)
  }

  @Sendable static func dtype(_ text: String) throws -> DType { try DType(name: text) }

  /// A dtype that weights can be stored in.
  @Sendable static func floating(_ text: String) throws -> DType {
    let dtype = try DType(name: text)
    guard dtype.isFloatingPoint else {
      throw ValidationError("expected a floating dtype, such as bfloat16, found \(dtype)")
    }
    return dtype
  }

  @Sendable static func byteCount(_ text: String) throws -> Int {
    guard let value = Int(text), value > 0 else { throw ValidationError("expected a number of bytes above 0") }
    return value
  }

  @Sendable static func shape(_ text: String) throws -> ExampleShape {
    let extents = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard extents.count <= 8, extents.allSatisfy({ (1...LayerWidths.limit).contains($0) }) else {
      throw ValidationError(
        "expected up to 8 extents of 1 to \(LayerWidths.limit), with commas between, such as 28,28")
    }
    return ExampleShape(extents: extents)
  }

  @Sendable static func rate(_ text: String) throws -> Double {
    guard let value = Double(text), value.isFinite, value > 0 else {
      throw ValidationError("expected a number above 0, such as 0.001")
    }
    return value
  }

  /// From 0 up to, but without, 1.
  @Sendable static func share(_ text: String) throws -> Double {
    guard let value = Double(text), (0..<1).contains(value) else {
      throw ValidationError("expected a number of at least 0 and below 1, such as 0.9")
    }
    return value
  }

  @Sendable static func policies(_ text: String) throws -> PolicyList {
    PolicyList(
      policies: try text.split(separator: ",", omittingEmptySubsequences: false).map { try policy(String($0)) })
  }

  @Sendable static func positive(_ text: String) throws -> Int {
    guard let value = Int(text), (1...LayerWidths.limit).contains(value) else {
      throw ValidationError("expected a whole number, 1 to \(LayerWidths.limit)")
    }
    return value
  }
}

/// The units of the hidden layers.
struct LayerWidths: Codable, Sendable, CustomStringConvertible {
  /// Far beyond what trains on a CPU, and its square still far from what an `Int` holds.
  static let limit = 1_000_000

  var widths: [Int]

  var description: String { widths.map(String.init).joined(separator: ",") }
}

/// Policies under which the same is done.
struct PolicyList: Sendable {
  var policies: [DTypePolicy]
}

/// The shape of one example.
struct ExampleShape: Sendable, CustomStringConvertible {
  var extents: [Int]

  var description: String { extents.map(String.init).joined(separator: ",") }
}
