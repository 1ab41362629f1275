import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@Suite struct TensorTests {
  static let numeric: [DType] = [
    .bool, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .float8E4M3FN, .float8E5M2, .float16,
    .bfloat16, .float32, .float64,
  ]

  @Test(arguments: numeric) func keepsWhatTheDTypeCanHold(_ dtype: DType) throws {
    let tensor = try Tensor([0, 1, 1, 0, 1, 0], shape: [2, 3], dtype: dtype)
    #expect(tensor.scalars() == [0, 1, 1, 0, 1, 0])
    #expect(tensor.count == 6)
    #expect(tensor.type == TensorType(dtype, [2, 3]))
    #expect(tensor.byteCount == 6 * (dtype.byteWidth ?? 0))
  }

  @Test func roundsToNearestEven() throws {
    // 1 + 2⁻⁸ lies half-way between the bfloat16 neighbours 1 and 1 + 2⁻⁷; 1 + 3·2⁻⁸ half-way below the even 1 + 2⁻⁶.
    let halfway = [1 + 0x1p-8, 1 + 3 * 0x1p-8]
    #expect(try Tensor(halfway, shape: [2], dtype: .bfloat16).scalars() == [1, 1 + 0x1p-6])
    #expect(try Tensor([1 + 0x1p-11, 65520], shape: [2], dtype: .float16).scalars() == [1, .infinity])
    #expect(try Tensor([1 + 0x1p-24, 1 + 3 * 0x1p-24], shape: [2], dtype: .float32).scalars() == [1, 1 + 0x1p-22])
    #expect(try Tensor([1 + 0x1p-4, 0.1], shape: [2], dtype: .float8E4M3FN).scalars() == [1, 0.1015625])
    #expect(try Tensor([1 + 0x1p-3], shape: [1], dtype: .float8E5M2).scalars() == [1])
  }

  /// A value just above a half-way point of bfloat16 that float32 would round onto it.
  @Test func roundsOnceAndNotThroughFloat32() throws {
    #expect(try Tensor([1 + 0x1p-8 + 0x1p-40], shape: [1], dtype: .bfloat16).scalars() == [1 + 0x1p-7])
  }

  @Test func integersTruncateAndSaturate() throws {
    let wild = [-1.9, 1.9, 300, -300, .nan, .infinity, -.infinity]
    #expect(try Tensor(wild, shape: [7], dtype: .int8).scalars() == [-1, 1, 127, -128, 0, 127, -128])
    #expect(try Tensor(wild, shape: [7], dtype: .uint8).scalars() == [0, 1, 255, 0, 0, 255, 0])
    #expect(try Tensor([1e30], shape: [1], dtype: .int64).scalars() == [Double(Int64.max)])
    #expect(try Tensor([-1e30, 1e30], shape: [2], dtype: .uint64).scalars() == [0, Double(UInt64.max)])
    #expect(try Tensor([0, -0.0, 0.5, .nan], shape: [4], dtype: .bool).scalars() == [0, 0, 1, 1])
  }

  @Test func wrongCountsAreRefused() {
    let type = TensorType(.float32, [2, 2])
    let error = GraphError(.elementCount(type, expected: 4, found: 3))
    #expect(throws: error) { try Tensor([1, 2, 3], shape: [2, 2], dtype: .float32) }
    #expect(throws: error) { try Tensor(bytes: [UInt8](repeating: 0, count: 12), shape: [2, 2], dtype: .float32) }
    #expect(throws: error) { try Tensor(type, storage: TensorStorage(byteCount: 12)) }
    #expect(throws: GraphError(.elementCount(TensorType(.float32, [2]), expected: 1, found: 2))) {
      try Tensor([1, 2], shape: [2], dtype: .float32).scalar()
    }
  }

  /// The last ones have a byte count that fits an `Int`, but no memory: they must not be allocated to be counted.
  @Test(arguments: [[-1], [Int.max, 2], [.max, .max], [1 << 62], [1 << 59], [1 << 40]])
  func absurdShapesAreRefused(_ shape: [Int]) {
    #expect(throws: GraphError.self) { try Tensor([1, 2], shape: shape, dtype: .float32) }
    #expect(throws: GraphError.self) { try Tensor(bytes: [1, 2], shape: shape, dtype: .float32) }
    #expect(throws: GraphError.self) { try Tensor([1, 2], shape: [2], dtype: .float32).reshaped(shape) }
  }

  @Test(arguments: [[1 << 59], [Int.max / 4]]) func moreThanTheAddressSpaceIsRefused(_ shape: [Int]) {
    let type = TensorType(.float32, shape)
    #expect(throws: GraphError(.unusableType(type))) { try Tensor(zeros: type) }
  }

  @Test(arguments: [DType.int4, .string, .resource]) func dtypesWithoutWholeBytesAreRefused(_ dtype: DType) {
    #expect(throws: GraphError(.unusableType(TensorType(dtype, [1])))) { try Tensor([1], shape: [1], dtype: dtype) }
    #expect(throws: GraphError(.unusableType(TensorType(dtype, [1])))) { try Tensor(zeros: TensorType(dtype, [1])) }
  }

  @Test func nothingBesideHugeExtentsIsStillNothing() throws {
    let empty = try Tensor([], shape: [0, .max, .max], dtype: .float64)
    #expect(empty.count == 0)
    #expect(empty.scalars().isEmpty)
    #expect(try empty.reshaped([3, 0]).shape == [3, 0])
  }

  @Test func equalityIsByBits() throws {
    let nan = try Tensor([.nan, 0], shape: [2], dtype: .float32)
    #expect(nan == (try Tensor([.nan, 0], shape: [2], dtype: .float32)))
    #expect(nan != (try Tensor([.nan, -0.0], shape: [2], dtype: .float32)))
    #expect(nan != (try nan.reshaped([1, 2])))
    let same = try Tensor([0, 0], shape: [2], dtype: .float16)
    #expect(same != (try Tensor([0, 0], shape: [2], dtype: .bfloat16)))
  }

  @Test func copiesShareUntilWritten() throws {
    var a = try Tensor([1, 2], shape: [2], dtype: .uint8)
    let b = a
    #expect(a.storage === b.storage)
    a.uniqueStorage().bytes[0] = 9
    #expect(a.storage !== b.storage)
    #expect(a.scalars() == [9, 2])
    #expect(b.scalars() == [1, 2])
    // Now nobody shares it, so that a second request copies nothing.
    let own = ObjectIdentifier(a.storage)
    #expect(ObjectIdentifier(a.uniqueStorage()) == own)
  }

  @Test func reshapedSharesItsElements() throws {
    let a = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3], dtype: .int32)
    let b = try a.reshaped([3, 2, 1])
    #expect(b.storage === a.storage)
    #expect(b.shape == [3, 2, 1])
    #expect(throws: GraphError(.elementCount(TensorType(.int32, [4]), expected: 4, found: 6))) { try a.reshaped([4]) }
  }

  @Test func castRoundsOnce() throws {
    let a = try Tensor([1 + 0x1p-8 + 0x1p-40, -2.7], shape: [2], dtype: .float64)
    #expect(try a.cast(to: .bfloat16).scalars() == [1 + 0x1p-7, -2.703125])
    #expect(try a.cast(to: .int32).scalars() == [1, -2])
    #expect(try a.cast(to: .float64).storage === a.storage)
  }

  @Test func bytesAreTheMemoryFormat() throws {
    let a = try Tensor(bytes: [0x80, 0x3F, 0x00, 0xC0], shape: [2], dtype: .bfloat16)
    let expected: [Double] = UInt16(littleEndian: 1) == 1 ? [1, -2] : a.scalars()
    #expect(a.scalars() == expected)
    #expect(a.withUnsafeBytes { Array($0) } == [0x80, 0x3F, 0x00, 0xC0])
  }

  @Test func storageIsAligned() {
    for byteCount in [0, 1, 63, 64, 65] {
      let storage = TensorStorage(byteCount: byteCount)
      #expect(storage.bytes.count == byteCount)
      #expect(Int(bitPattern: storage.bytes.baseAddress) % 64 == 0)
      #expect(storage.bytes.baseAddress != nil)
    }
  }

  @Test func describesItself() throws {
    #expect("\(try Tensor([1, 2], shape: [2], dtype: .bfloat16))" == "bfloat16[2] 1.0 2.0")
    #expect("\(try Tensor(zeros: TensorType(.float32, [9])))".hasSuffix("0.0 …"))
  }

  @Test func resizingCutsAxesAndFillsThemWithZeros() throws {
    let tensor = try Tensor((1...12).map(Double.init), shape: [2, 3, 2], dtype: .bfloat16)
    let longer = try tensor.resized([3, 4, 2])
    #expect(longer.type == TensorType(.bfloat16, [3, 4, 2]))
    #expect(longer.scalars() == [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0] + [Double](repeating: 0, count: 8))
    #expect(try longer.resized([2, 3, 2]) == tensor)
    #expect(try tensor.resized([2, 3, 1]).scalars() == [1, 3, 5, 7, 9, 11])
    #expect(try tensor.resized([1, 4, 3]).scalars() == [1, 2, 0, 3, 4, 0, 5, 6, 0, 0, 0, 0])
    #expect(try tensor.resized([2, 0, 2]).resized([1, 1, 1]).scalars() == [0])
    #expect(try tensor.resized([1, 4, 2], padding: -1).scalars() == [1, 2, 3, 4, 5, 6, -1, -1])
    #expect(try tensor.resized([2, 0, 2]).resized([1, 1, 1], padding: -1).scalars() == [-1])
    #expect(try Tensor(7, dtype: .int8).resized([]).scalars() == [7])
  }
}
