import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

/// Losses that compare a whole row, or rows with each other: against what Keras 3.15 gives.
@Suite struct PairedLossTests {
  private let runtime = Runtime.builtinOnly()

  private func value(_ loss: Loss, _ output: Tensor, _ target: Tensor, mask: Tensor? = nil) throws -> [Double] {
    try runtime.evaluate([output, target] + [mask].compactMap { $0 }) {
      [try loss(try $0[0].cast(to: output.dtype), target: $0[1], mask: $0.count > 2 ? $0[2] : nil)]
    }[0].scalars()
  }

  private func expect(_ found: [Double], _ expected: [Double], _ tolerance: Double = 1e-5) {
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) {
      #expect(abs(found - expected) <= tolerance * max(1, abs(expected)))
    }
  }

  private func logits(steps: Int = 5) throws -> Tensor {
    var values: [Double] = []
    for row in 0..<2 {
      for place in 0..<steps * 4 { values.append(Double((row * 20 + place) * 7 % 11) / 4 - 1) }
    }
    return try Tensor(values, shape: [2, steps, 4], dtype: .float32)
  }

  @Test func spellingsAreKerass() throws {
    let labels = try Tensor([1, 1, 2, 3, 0, 0], shape: [2, 3], dtype: .int32)
    let each = Loss(.ctc, reduction: .none)
    try expect(value(each, logits(), labels), [4.710444450378418, 4.022171974182129])
    try expect(value(.ctc, logits(), labels), [(4.710444450378418 + 4.022171974182129) / 2])
    // Steps behind the end of a sequence are as if they were not there.
    let mask = try Tensor([1, 1, 1, 1, 0, 1, 1, 1, 1, 0], shape: [2, 5], dtype: .bool)
    let short = try Tensor(
      logits().scalars().enumerated().filter { $0.offset % 20 < 16 }.map(\.element), shape: [2, 4, 4], dtype: .float32)
    try expect(value(each, logits(), labels, mask: mask), value(each, short, labels))
    // Nor are those before it begins.
    let padded = try Tensor([0, 1, 1, 1, 1, 0, 1, 1, 1, 1], shape: [2, 5], dtype: .bool)
    let late = try Tensor(
      logits().scalars().enumerated().filter { $0.offset % 20 >= 4 }.map(\.element), shape: [2, 4, 4], dtype: .float32)
    try expect(value(each, logits(), labels, mask: padded), value(each, late, labels))
    let hidden = try Tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], shape: [2, 5], dtype: .bool)
    try expect(value(each, logits(), labels, mask: hidden), [0, 4.022171974182129])
    // Nothing is spelled by blanks alone; what cannot be spelled is as good as impossible, and not NaN.
    let blanks = try Tensor(zeros: TensorType(.int32, [2, 3]))
    let probabilities = try runtime.evaluate([logits()]) {
      [try $0[0].logSoftmax().sliced(axis: 2, 0..<1).sum(axes: [1, 2])]
    }
    try expect(value(each, logits(), blanks), probabilities[0].scalars().map { -$0 })
    let long = try Tensor(Array(repeating: 1, count: 12), shape: [2, 6], dtype: .int32)
    #expect(try value(each, logits(), long).allSatisfy { $0 > 1e20 && $0.isFinite })
    #expect(throws: GraphError.self) { try value(.ctc, logits(), Tensor([1, 2], shape: [2], dtype: .int32)) }
  }

  /// Against central differences, at every third place.
  private func checkGradient(_ function: LossFunction, _ output: Tensor, _ target: Tensor) throws {
    let (loss, wide) = (Loss(function, reduction: .sum), try output.cast(to: .float64))
    let gradient = try runtime.evaluate([wide, target]) { inputs in
      try inputs[0].trace.gradients(of: loss(inputs[0], target: inputs[1]), by: [inputs[0]])
    }[0].scalars()
    func value(_ place: Int, _ step: Double) throws -> Double {
      var values = wide.scalars()
      values[place] += step
      return try self.value(loss, Tensor(values, shape: wide.shape, dtype: .float64), target)[0]
    }
    for place in stride(from: 0, to: wide.count, by: 3) {
      let slope = (try value(place, 1e-4) - value(place, -1e-4)) / 2e-4
      #expect(abs(slope - gradient[place]) < 1e-5 * max(1, abs(slope)))
    }
    #expect(gradient.contains { abs($0) > 1e-3 })
  }

  @Test func gradientsAreDifferences() throws {
    try checkGradient(.ctc, logits(), Tensor([1, 1, 2, 3, 0, 0], shape: [2, 3], dtype: .int32))
    let embeddings = try Tensor(
      [0.6, 0.8, 0, 0, 0.28, 0.96, 0.8, 0, 0.6, -0.6, 0, 0.8], shape: [4, 3], dtype: .float32)
    try checkGradient(.circle(gamma: 3), embeddings, Tensor([0, 1, 0, 1], shape: [4], dtype: .int32))
  }

  @Test func circlesAreKerass() throws {
    var units: [Double] = []
    for row in 0..<4 {
      let values = (row * 3..<row * 3 + 3).map { place -> Double in Double(place * 5 % 7) - 3 }
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      units += values.map { $0 / length }
    }
    let embeddings = try Tensor(units, shape: [4, 3], dtype: .float32)
    let pairs = try Tensor([0, 1, 0, 1], shape: [4], dtype: .int32)
    try expect(value(.circle(), embeddings, pairs), [157.2327117919922])
    try expect(
      value(Loss(.circle(gamma: 2, margin: 0.25, removeDiagonal: false), reduction: .sum), embeddings, pairs),
      [18.35794448852539])
    // Examples that are alone do not count in the mean.
    let some = try Tensor([0, 1, 2, 2], shape: [4, 1], dtype: .int32)
    try expect(
      value(Loss(.circle(gamma: 2), reduction: .none), embeddings, some), [0, 0, 0.830228328704834, 0.8106923699378967])
    try expect(value(.circle(gamma: 2), embeddings, some), [0.820460319519043])
    #expect(throws: GraphError.self) { try value(.circle(), embeddings, Tensor([1], shape: [1], dtype: .int32)) }
  }

  @Test func spellingIsLearnt() async throws {
    let reader = withPolicy(.float32) { Model(seed: 2, runtime: runtime) { Dense(4) } }
    let labels = try Tensor([1, 2, 3, 3, 1, 0], shape: [2, 3], dtype: .int32)
    let data = try DataSet(features: logits(steps: 8), targets: labels)
    let read = try await reader.fit(data, epochs: 30, batch: 2, optimizer: .adam(learningRate: 0.1), loss: .ctc)
    #expect(try #require(read.epochs.last).loss < 0.5 * read.epochs[0].loss)
  }

  @Test(arguments: [Loss.ctc, .circle(gamma: 3, margin: 0.1, removeDiagonal: false)])
  func configurationsSurvive(loss: Loss) throws {
    #expect(try JSONDecoder().decode(Loss.self, from: JSONEncoder().encode(loss)) == loss)
  }
}
