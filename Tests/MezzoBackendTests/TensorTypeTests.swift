import MezzoBackend
import MezzoPolicy
import Testing

@Suite struct TensorTypeTests {
  @Test func countIsTheProductOfTheExtents() {
    #expect(TensorType(.float32, [2, 3, 4]).checkedCount == 24)
    #expect(TensorType(.float32, []).checkedCount == 1)
    #expect(TensorType(.float32, [7, 0]).checkedCount == 0)
  }

  @Test func countsThatDoNotFitAreNil() {
    #expect(TensorType(.float32, [.max, 2]).checkedCount == nil)
    #expect(TensorType(.float32, [1 << 32, 1 << 31]).checkedCount == nil)
    #expect(TensorType(.float32, [3, -1]).checkedCount == nil)
    #expect(TensorType(.float32, [0, -1]).checkedCount == nil)
  }

  @Test(arguments: [[Int.max, 2, 0], [0, Int.max, 2], [Int.max, 0, 2]])
  func anExtentOf0MakesThingsEmptyWhereverItStands(shape: [Int]) {
    #expect(TensorType(.float32, shape).checkedCount == 0)
  }

  @Test func bytesCountTheElementSize() {
    #expect(TensorType(.bfloat16, [3, 5]).checkedByteCount == 30)
    #expect(TensorType(.bool, [3]).checkedByteCount == 3)
    #expect(TensorType(.float64, [.max / 8]).checkedByteCount == .max / 8 * 8)
    #expect(TensorType(.float64, [.max / 8 + 1]).checkedByteCount == nil)
    #expect(TensorType(.int4, [2]).checkedByteCount == nil)
    #expect(TensorType(.string, [2]).checkedByteCount == nil)
  }

  @Test func describesItselfAsInTheGuide() {
    #expect(TensorType(.bfloat16, [128, 784]).description == "bfloat16[128, 784]")
    #expect(TensorType(.float32, []).description == "float32[]")
  }

  @Test func rowMajorStridesRunFastestLast() {
    #expect(rowMajorStrides([2, 3, 4]) == [12, 4, 1])
    #expect(rowMajorStrides([]) == [])
    #expect(rowMajorStrides([5]) == [1])
  }

  @Test func rowMajorStridesOfEmptyAndHugeShapesDoNotTrap() {
    #expect(rowMajorStrides([2, 0, 3]) == [3, 3, 1])
    #expect(rowMajorStrides([.max, .max, 2]).count == 3)
  }
}
