import MezzoGraph
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What some layers are stated to be under float64 with constants of all its digits, in plain loops over Doubles.
struct StatedFloat64Layer {
  private let output: [Double]
  private let gradients: [[Double]]
  private let inputCount: Int

  private struct Operand {
    var shape: [Int]
    var values: [Double]
  }

  /// Nil for a case of another form.
  init?(_ testCase: GoldenCase) {
    guard testCase.input["policy"] == "float64", let name = testCase.input["layer"]?.asString,
      let masks = try? NumericLayerGroup.masks(testCase.input["call"] ?? nil), let answer = testCase.expect["ok"],
      let inputs = answer["inputs"]?.asArray?.compactMap({ try? GoldenTensor.read($0) }),
      let weights = answer["weights"]?.asArray?.compactMap({ try? GoldenTensor.read($0.member("value")) }),
      let cotangent = answer["cotangent"].flatMap({ try? GoldenTensor.read($0) })?.scalars()
    else { return nil }
    let operands = (inputs + weights).map { Operand(shape: $0.shape, values: $0.scalars()) }
    inputCount = inputs.count
    switch name {
    case "LeakyReLU", "Activation_gelu":
      guard operands.count == 1, operands[0].values.count == cotangent.count else { return nil }
      let results = operands[0].values.map(name == "LeakyReLU" ? Self.leakyReLU : Self.gelu)
      output = results.map(\.value)
      gradients = [zip(results, cotangent).map { $0.slope * $1 }]
    case "MultiHeadAttention", "MultiHeadAttention_masked":
      guard operands.count == 10, operands[0].shape.count == 3, operands[2].shape.count == 3 else { return nil }
      let mask = masks["attention_mask"]?.scalars()
      guard mask?.count ?? 0 == (mask == nil ? 0 : operands[0].shape[1] * operands[1].shape[1]) else { return nil }
      output = Self.attention(operands, mask)
      gradients = operands.indices.map { Self.gradient(operands, $0, cotangent) { Self.attention($0, mask) } }
    default: return nil
    }
  }

  private static func leakyReLU(_ x: Double) -> (value: Double, slope: Double) { x > 0 ? (x, 1) : (0.3 * x, 0.3) }

  private static func gelu(_ x: Double) -> (value: Double, slope: Double) {
    let share = 0.5 * (1 + erf(x / 2.0.squareRoot()))
    return (x * share, share + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot())
  }

  /// Query and value, then kernel `[dim, heads, size]` and bias of the query, the key and the value, and those of the output.
  ///
  /// - Parameter mask: of each query and key, the same in the whole batch; 0 hides the key.
  private static func attention(_ operands: [Operand], _ mask: [Double]?) -> [Double] {
    let (heads, size) = (operands[2].shape[1], operands[2].shape[2])
    let columns = heads * size
    func projected(_ x: Operand, _ kernel: Operand, _ bias: Operand) -> [Double] {
      let dim = x.shape[2]
      return (0..<x.values.count / dim * columns).map { place in
        let (row, column) = (place / columns, place % columns)
        return (0..<dim).reduce(bias.values[column]) {
          $0 + x.values[row * dim + $1] * kernel.values[$1 * columns + column]
        }
      }
    }
    let query = projected(operands[0], operands[2], operands[3])
    let key = projected(operands[1], operands[4], operands[5])
    let value = projected(operands[1], operands[6], operands[7])
    let (queries, keys) = (operands[0].shape[1], operands[1].shape[1])
    let scale = 1 / Double(size).squareRoot()
    let dim = operands[9].values.count
    var output: [Double] = []
    for row in 0..<operands[0].shape[0] * queries {
      let firstKey = row / queries * keys
      var mixed = [Double](repeating: 0, count: columns)
      for head in 0..<heads {
        let first = row * columns + head * size
        func place(ofKey key: Int) -> Int { (firstKey + key) * columns + head * size }
        let scores = (0..<keys).map { index -> Double in
          if let mask, mask[row % queries * keys + index] == 0 { return -Double.infinity }
          let other = place(ofKey: index)
          return (0..<size).reduce(0) { $0 + query[first + $1] * scale * key[other + $1] }
        }
        let powers = scores.map { exp($0 - (scores.max() ?? 0)) }
        let whole = powers.reduce(0, +)
        for (index, power) in powers.enumerated() {
          let (weight, other) = (power / whole, place(ofKey: index))
          for column in 0..<size { mixed[head * size + column] += weight * value[other + column] }
        }
      }
      output += (0..<dim).map { column in
        (0..<columns).reduce(operands[9].values[column]) {
          $0 + mixed[$1] * operands[8].values[$1 * dim + column]
        }
      }
    }
    return output
  }

  /// From differences of fourth order, whose errors lie far below those that the cases allow.
  private static func gradient(
    _ operands: [Operand], _ operand: Int, _ cotangent: [Double], _ function: ([Operand]) -> [Double]
  ) -> [Double] {
    operands[operand].values.indices.map { place in
      func along(_ step: Double) -> Double {
        var moved = operands
        moved[operand].values[place] += step
        return zip(function(moved), cotangent).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let step = 1e-3
      return (8 * (along(step) - along(-step)) - (along(2 * step) - along(-2 * step))) / (12 * step)
    }
  }

  /// An expectation with these numbers.
  func restated(_ expectation: ConfigurationValue) -> ConfigurationValue {
    func data(_ numbers: [Double]) -> (ConfigurationValue) -> ConfigurationValue {
      { $0.replacing("data") { _ in .array(numbers.map(ConfigurationValue.exactly)) } }
    }
    func each(
      _ numbers: some Sequence<[Double]>, _ place: @escaping ([Double], ConfigurationValue) -> ConfigurationValue
    ) -> (ConfigurationValue) -> ConfigurationValue {
      let numbers = Array(numbers)
      return { value in
        guard let elements = value.asArray, elements.count == numbers.count else { return value }
        return .array(zip(numbers, elements).map(place))
      }
    }
    return expectation.replacing("ok") { answer in
      answer.replacing("outputs", each([output]) { data($0)($1) })
        .replacing("input_grads", each(gradients.prefix(inputCount)) { data($0)($1) })
        .replacing("weight_grads", each(gradients.dropFirst(inputCount)) { $1.replacing("value", data($0)) })
    }
  }
}
