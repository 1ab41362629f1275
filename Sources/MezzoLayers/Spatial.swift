import MezzoGraph

/// How many axes a layer's windows move over: 1 for sequences, 2 for images, 3 for volumes.
public protocol SpatialAxes: Sendable {
  static var count: Int { get }
}

/// `[batch, steps, channels]`
public enum OneAxis: SpatialAxes { public static let count = 1 }
/// `[batch, height, width, channels]`
public enum TwoAxes: SpatialAxes { public static let count = 2 }
/// `[batch, depth, height, width, channels]`
public enum ThreeAxes: SpatialAxes { public static let count = 3 }

extension SpatialAxes {
  /// What an input looks like, for errors.
  static func expected(_ format: DataFormat) -> String {
    let axes = Array(["depth", "height", "width"].suffix(count)).joined(separator: ", ")
    let names = count == 1 ? "steps" : axes
    return format == .channelsLast ? "[batch, \(names), channels]" : "[batch, channels, \(names)]"
  }
}

/// A number for each axis, or one for all: `3` or `[3, 5]`.
public struct Extents: Hashable, Sendable, Codable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  public var values: [Int]

  public init(_ values: [Int]) { self.values = values }
  public init(integerLiteral value: Int) { self.init([value]) }
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let one = try? container.decode(Int.self) {
      self.init([one])
    } else {
      self.init(try container.decode([Int].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(values)
  }

  public var description: String { "\(values)" }

  /// One number an axis.
  ///
  /// - Throws: `LayerError` for another number of them, and for one below `least`.
  func resolved(_ axes: Int, _ what: String, least: Int = 1, _ context: LayerContext) throws(LayerError) -> [Int] {
    let resolved = values.count == 1 ? Array(repeating: values[0], count: axes) : values
    try context.require(
      resolved.count == axes && resolved.allSatisfy { $0 >= least && $0 < 1 << 31 },
      "\(what) of \(least) or more for each of \(axes) axes", values)
    return resolved
  }
}

/// Where the channels are.
public enum DataFormat: String, Codable, Sendable, Hashable, CaseIterable {
  case channelsLast = "channels_last"
  case channelsFirst = "channels_first"

  /// `[batch, …, channels]` of what is in this format.
  func channelsLast(_ x: SymbolicTensor) throws -> SymbolicTensor {
    self == .channelsLast ? x : try x.transposed([0] + Array(2..<x.rank) + [1])
  }

  /// This format of `[batch, …, channels]`.
  func restored(_ x: SymbolicTensor) throws -> SymbolicTensor {
    self == .channelsLast ? x : try x.transposed([0, x.rank - 1] + Array(1..<x.rank - 1))
  }
}

/// What lies around an input when windows move over it.
public enum Padding: String, Codable, Sendable, Hashable, CaseIterable {
  /// Nothing: windows lie within the input.
  case valid
  /// As much that there is a window for every stride of the input; if the amount is odd, more behind it, as in
  /// TensorFlow.
  case same
  /// All of it before the input, so that a window sees nothing that comes later.
  case causal
}

/// Windows over the axes behind the batch of `[batch, …, channels]`.
struct WindowGeometry {
  var size: [Int]
  var strides: [Int]
  var dilations: [Int]
  var padding: Padding

  /// The extents that a window covers.
  var span: [Int] { size.indices.map { (size[$0] - 1) * dilations[$0] + 1 } }

  /// What goes before and behind an extent.
  func amounts(_ extents: [Int]) -> (low: [Int], high: [Int]) {
    let totals = extents.indices.map { axis in
      switch padding {
      case .valid: 0
      case .causal: span[axis] - 1
      case .same:
        max(((extents[axis] + strides[axis] - 1) / strides[axis] - 1) * strides[axis] + span[axis] - extents[axis], 0)
      }
    }
    let low = totals.map { padding == .causal ? $0 : $0 / 2 }
    return (low, zip(totals, low).map { $0 - $1 })
  }

  /// As an operation over `[batch, …, channels]` has them.
  ///
  /// - Throws: `LayerError` where not one window fits.
  func windows(over x: SymbolicTensor, _ context: LayerContext) throws(LayerError) -> ConvolutionWindows {
    let extents = Array(x.shape[1...size.count])
    let (low, high) = amounts(extents)
    guard extents.indices.allSatisfy({ extents[$0] + low[$0] + high[$0] >= span[$0] }) else {
      throw LayerError.inputShape(
        layer: context.path, expected: "with at least \(span) places for its windows", found: x.shape)
    }
    return ConvolutionWindows(strides: strides, low: low, high: high, dilations: dilations)
  }
}
