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
    let outputs = try GoldenTensor.read(outputs, dtype: dtype).scalars()
    let targets = targets.compactMap(\.asDouble)
    let formula = LossFormula(function: loss.function)
    let rows = outputs.chunks(of: shape[1])
    let wanted =
      takesLabels
      ? zip(rows, targets).map { row, label in row.indices.map { Double($0) == label ? 1 : 0 } }
      : targets.chunks(of: shape[1])
    let values = zip(rows, wanted).map { row, target in formula.value(row, target) }
    return (isDouble(dtype) ? .float64 : .float32, values.reduce(0, +) / Double(values.count))
  }

  /// In Keras 3 floatx decides, which only some of the cases set.
  private func isDouble(_ dtype: DType) -> Bool {
    testCase.system == "keras3" ? testCase.input["floatx"] == "float64" : dtype == .float64
  }
}

extension [Double] {
  fileprivate func chunks(of count: Int) -> [[Double]] {
    count > 0
      ? stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) } : []
  }
}
