import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoTraining

@Suite struct DataSetTests {
  @Test func theDigitsComeWithMezzo() throws {
    let (train, test) = try DataSet.digits()
    #expect(train.count + test.count == 1_797)
    #expect(test.count == 359)
    #expect(train.exampleShape == [8, 8])
    #expect(Set(train.targets.scalars()) == Set((0..<10).map(Double.init)))
    let (again, _) = try DataSet.digits()
    #expect(again.targets == train.targets)
    let (other, _) = try DataSet.digits(seed: 1)
    #expect(other.targets != train.targets)
  }

  @Test func bytesBecomeFractionsInBatches() throws {
    let data = try DataSet(
      features: Tensor([0, 128, 255, 51], shape: [2, 2], dtype: .uint8),
      targets: Tensor([3, 4], shape: [2], dtype: .int32), scale: 1 / 255)
    let batch = try data.batch([1, 0])
    let (features, targets) = (batch.features, batch.targets)
    #expect(features.type == TensorType(.float32, [2, 2]))
    let scale: Float = 1 / 255
    let bytes: [Float] = [255, 51, 0, 128]
    #expect(features.scalars() == bytes.map { Double($0 * scale) })
    #expect(targets.scalars() == [4, 3])
  }

  @Test func examplesAndTargetsMustFit() throws {
    let features = try Tensor([1, 2, 3], shape: [3, 1], dtype: .float32)
    #expect(throws: TrainingError.countMismatch(features: 3, targets: 2)) {
      try DataSet(features: features, targets: Tensor([0, 1], shape: [2], dtype: .int32))
    }
    #expect(throws: TrainingError.unsupportedTargets(TensorType(.int8, [3]))) {
      try DataSet(features: features, targets: Tensor([0, 1, 1], shape: [3], dtype: .int8))
    }
    #expect(throws: TrainingError.unsupportedFeatures(TensorType(.int32, [3]))) {
      try DataSet(
        features: Tensor([0, 1, 1], shape: [3], dtype: .int32), targets: Tensor([0, 1, 1], shape: [3], dtype: .int32))
    }
  }

  @Test func targetsMustBeFiniteAndExamplesHaveElements() throws {
    let features = try Tensor([1, 2], shape: [2, 1], dtype: .float32)
    #expect(throws: TrainingError.nonFiniteTarget(example: 1, value: "nan")) {
      try DataSet(features: features, targets: Tensor([0, .nan], shape: [2], dtype: .float32))
    }
    #expect(throws: TrainingError.unsupportedFeatures(TensorType(.uint8, [2, 0]))) {
      try DataSet(
        features: Tensor(zeros: TensorType(.uint8, [2, 0])), targets: Tensor([0, 1], shape: [2], dtype: .int32))
    }
  }

  @Test func subsetsKeepTheirOrderAndRefuseWhatIsNotThere() throws {
    let data = try DataSet(
      features: Tensor([1, 2, 3], shape: [3, 1], dtype: .float64),
      targets: Tensor([10, 20, 30], shape: [3], dtype: .float32))
    let part = try data.subset([2, 0])
    #expect(part.features.scalars() == [3, 1])
    #expect(part.targets.scalars() == [30, 10])
    #expect(throws: TrainingError.self) { try data.subset([3]) }
  }
}
