import MezzoGraph
import MezzoPolicy
import MezzoTraining

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A loss, an output and what it should be, and the dtypes to ask about.
struct LossQuestion {
  let loss: Loss
  let outputs: [ConfigurationValue]
  let shape: [Int]
  private let targets: [ConfigurationValue]
  private let testCase: GoldenCase

  /// Nil for a loss that Mezzo does not have.
  init?(_ testCase: GoldenCase) throws {
    let input = testCase.input
    let configuration: ConfigurationValue = [
      "class_name": .string(try input.string("loss")), "config": input["kwargs"] ?? [:],
    ]
    do {
      loss = try JSONDecoder().decode(Loss.self, from: try JSONEncoder().encode(configuration))
    } catch TrainingError.unknownLoss {
      return nil
    }
    self.testCase = testCase
    // Where only the dtype is asked for, the case has no values.
    let rows = input["y_pred"]?.asArray ?? [.array([1, 2])]
    outputs = rows.flatMap { $0.asArray ?? [] }
    shape = [rows.count, rows.isEmpty ? 0 : outputs.count / rows.count]
    let target = input["y_true"] ?? .array([.array([0, 0])])
    if let labels = target.asString {
      // "sparse [1,0]"
      targets = labels.split { !$0.isNumber }.compactMap { Int($0) }.map { .integer($0) }
    } else {
      targets = (target.asArray ?? []).flatMap { $0.asArray ?? [] }
    }
  }

  private var takesLabels: Bool {
    if case .sparseCategoricalCrossentropy = loss.function { true } else { false }
  }

  func target() throws -> Tensor {
    takesLabels
      ? try GoldenTensor.read(targets, dtype: .int32) : try GoldenTensor.read(targets, shape: shape, dtype: .float32)
  }

  /// An answer in the form of the case's expectation, with `result` as the dtype and value for outputs of each dtype.
  func answer(_ result: (DType) throws -> (dtype: DType, value: Double)) throws -> ConfigurationValue {
    if let dtypes = testCase.expect["by_y_pred_dtype"]?.asObject?.keys {
      var outcomes: [String: ConfigurationValue] = [:]
      for name in dtypes {
        let dtype = try DType(golden: name)
        outcomes[name] = try testCase.outcome { Self.describe(try result(dtype)) }
      }
      return ["by_y_pred_dtype": .object(outcomes)]
    }
    let result = try result(try DType(golden: try testCase.input.string("y_pred_dtype")))
    return .ok(testCase.group == "loss.floatx" ? .string(result.dtype.name) : Self.describe(result))
  }

  private static func describe(_ result: (dtype: DType, value: Double)) -> ConfigurationValue {
    ["dtype": .string(result.dtype.name), "value": .exactly(result.value)]
  }

  // MARK: - What is stated

  /// The loss by its formula, in double precision: at least float32.
  func stated(for dtype: DType) throws -> (dtype: DType, value: Double) {
    let values = try values(for: dtype)
    return (isDouble(dtype) ? .float64 : .float32, values.reduce(0, +) / Double(values.count))
  }

  /// The loss of each example, by its formula.
  private func values(for dtype: DType) throws -> [Double] {
    let outputs = try GoldenTensor.read(outputs, dtype: dtype).scalars()
    let targets = targets.compactMap(\.asDouble)
    let formula = LossFormula(function: loss.function)
    let rows = outputs.chunks(of: shape[1])
    let wanted =
      takesLabels
      ? zip(rows, targets).map { row, label in row.indices.map { Double($0) == label ? 1 : 0 } }
      : targets.chunks(of: shape[1])
    return zip(rows, wanted).map { row, target in formula.value(row, target) }
  }

  /// In Keras 3 floatx decides, which only some of the cases set.
  private func isDouble(_ dtype: DType) -> Bool {
    testCase.system == "keras3" ? testCase.input["floatx"] == "float64" : dtype == .float64
  }
}

// MARK: - What the systems do

extension LossQuestion {
  /// The answer of the case's system. Its values are those of the expectation where they are such as the system's dtype
  /// gives.
  var theirs: ConfigurationValue? {
    get throws {
      if let outcomes = testCase.expect["by_y_pred_dtype"]?.asObject {
        var answer: [String: ConfigurationValue] = [:]
        for (name, outcome) in outcomes { answer[name] = try theirs(for: try DType(golden: name), outcome) }
        return ["by_y_pred_dtype": .object(answer)]
      }
      return try theirs(for: try DType(golden: try testCase.input.string("y_pred_dtype")), testCase.expect)
    }
  }

  private func theirs(for dtype: DType, _ expected: ConfigurationValue) throws -> ConfigurationValue {
    if GoldenComparison.isAnchorFailure(expected) { return expected }
    let floatx = try testCase.input["floatx"]?.asString.map { name throws(GoldenFormError) in
      try DType(golden: name)
    }
    let result: DType
    switch (testCase.system, loss.function) {
    case ("keras3", _): result = floatx ?? .float32
    // These two meet a tensor in floatx: one is cast to it, the other is an error for any other dtype.
    case (_, .huber): result = floatx ?? .float32
    case (_, .cosineSimilarity) where dtype != floatx ?? .float32:
      let isRefused = expected["error"]?["type"] == "InvalidArgumentError"
      return isRefused && GoldenComparison.names(expected["error"]?["message"]?.asString ?? "", Self.kernelName(dtype))
        ? expected : .null
    default: result = dtype
    }
    if testCase.group == "loss.floatx" { return .ok(.string(result.name)) }
    let values = try values(for: dtype)
    let value = values.reduce(0, +) / Double(values.count)
    // The sums that a mean is of.
    let sum = values.reduce(0) { $0 + $1.magnitude } * Double(shape[1])
    let found = expected["ok"]?["value"] ?? .null
    let isRight = SystemRounding(dtype: result).accepts(found, for: value, sum: sum)
    return .ok(["dtype": .string(result.name), "value": isRight ? found : .null])
  }

  /// What TensorFlow's kernels call a dtype.
  private static func kernelName(_ dtype: DType) -> String {
    switch dtype {
    case .float16: "half"
    case .float32: "float"
    case .float64: "double"
    default: dtype.name
    }
  }
}

extension [Double] {
  fileprivate func chunks(of count: Int) -> [[Double]] {
    count > 0
      ? stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) } : []
  }
}
