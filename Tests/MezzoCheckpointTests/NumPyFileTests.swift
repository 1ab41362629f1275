import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@testable import MezzoCheckpoint

@Suite struct NumPyFileTests {
  private let folder: TemporaryFolder
  /// What `Tools/make_numpy_files.py` saved.
  private let values = (0..<24).map { Double($0 - 5) }

  init() throws { folder = try TemporaryFolder() }

  private func read(_ name: String) throws -> Tensor { try NumPyFile.read(try Fixture.path("numpy/\(name).npy")) }

  @Test(arguments: [
    ("i1", DType.int8), ("i2", .int16), ("i4", .int32), ("i8", .int64), ("f2", .float16), ("f4", .float32),
    ("f8", .float64),
  ])
  func numbersOfBothByteOrders(code: String, dtype: DType) throws {
    let expected = try Tensor(values, shape: [2, 3, 4], dtype: dtype)
    #expect(try read("little_\(code)") == expected)
    #expect(try read("big_\(code)") == expected)
  }

  @Test(arguments: [("u1", DType.uint8), ("u2", .uint16), ("u4", .uint32), ("u8", .uint64)])
  func unsignedNumbers(code: String, dtype: DType) throws {
    #expect(try read("little_\(code)") == Tensor(values.map { $0 + 5 }, shape: [2, 3, 4], dtype: dtype))
  }

  @Test func complexNumbersOfBothByteOrdersAreTheSame() throws {
    let little = try read("little_c8")
    #expect(little.type == TensorType(.complex64, [2, 3, 4]))
    #expect(try read("big_c8") == little)
    let parts = little.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(parts == values.flatMap { [Float($0), 0] })
  }

  @Test func ordersOfAxesVersionsAndShapes() throws {
    let expected = try Tensor(values, shape: [2, 3, 4], dtype: .float32)
    for name in ["fortran", "version2", "version3", "little_f4"] { #expect(try read(name) == expected, "\(name)") }
    #expect(try read("fortran_big") == expected.cast(to: .float64))
    #expect(try read("bool") == Tensor(values.map { $0 > 3 ? 1 : 0 }, shape: [2, 3, 4], dtype: .bool))
    #expect(try read("scalar") == Tensor(7.5, dtype: .float32))
    #expect(try read("empty").type == TensorType(.float32, [0, 3]))
    #expect(try read("bfloat16") == expected.cast(to: .bfloat16))
  }

  @Test(arguments: ["object", "text", "structure"]) func whatIsNoNumberIsUnsupported(name: String) throws {
    let error = #expect(throws: CheckpointError.self) { try read(name) }
    guard case .unsupported(_, .npy, _)? = error else {
      Issue.record("expected unsupported, found \(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["stored", "deflated"]) func archivesKeepNamesAndOrder(name: String) throws {
    let arrays = try NumPyFile.readArchive(try Fixture.path("numpy/\(name).npz"))
    #expect(arrays.paths == ["weights", "steps", "layer/bias"])
    #expect(arrays["weights"] == (try Tensor(values, shape: [2, 3, 4], dtype: .float32)))
    #expect(arrays["steps"] == (try Tensor(3, dtype: .int64)))
    #expect(arrays["layer/bias"]?.type == TensorType(.float16, [3]))
  }

  /// Bit for bit what NumPy writes: `numpy.save` of the same array.
  @Test(arguments: ["little_i1", "little_u4", "little_f2", "little_f8", "little_c8", "bool", "scalar", "empty"])
  func whatIsWrittenIsWhatNumPyWrites(name: String) throws {
    let path = folder.path("\(name).npy")
    try NumPyFile.write(try read(name), to: path)
    #expect([UInt8](try Data(contentsOf: URL(filePath: path))) == (try Fixture.bytes("numpy/\(name).npy")))
  }

  @Test(arguments: [false, true]) func archivesRoundTrip(compressed: Bool) throws {
    var tensors = Variables()
    for dtype in [DType.float32, .float16, .bfloat16, .float64, .int64, .uint8, .bool] {
      tensors.set("layer.\(dtype)", try Tensor([0, 1, 1, 0, 1, 1], shape: [2, 3], dtype: dtype))
    }
    tensors.set("ünï/code", try Tensor(zeros: TensorType(.float32, [300, 40])))
    tensors.set("empty", try Tensor(zeros: TensorType(.float32, [0])))
    let path = folder.path("w.npz")
    try NumPyFile.writeArchive(tensors, to: path, compressed: compressed)
    #expect(try NumPyFile.readArchive(path) == tensors)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(((size ?? 0) < 5_000) == compressed)
    #expect(try folder.names == ["w.npz"])
  }

  @Test func floatsThatNumPyDoesNotHaveAreWidenedOnRequest() throws {
    let path = folder.path("w.npy")
    for dtype in [DType.bfloat16, .float8E4M3FN, .float8E5M2] {
      let tensor = try Tensor([0.5, -2, 1], shape: [3], dtype: dtype)
      try NumPyFile.write(tensor, to: path, unknownFloats: .float32)
      #expect(try NumPyFile.read(path) == tensor.cast(to: .float32))
    }
    #expect(throws: CheckpointError.self) { try NumPyFile.write(Tensor([1], shape: [1], dtype: .float8E5M2), to: path) }
  }

  @Test func anArrayBeyondTheLimitIsRefusedBeforeItIsInflated() throws {
    let path = folder.path("bomb.npz")
    var tensors = Variables()
    tensors.set("zeros", try Tensor(zeros: TensorType(.uint8, [1 << 20])))
    try NumPyFile.writeArchive(tensors, to: path, compressed: true)
    let error = #expect(throws: CheckpointError.self) { try NumPyFile.readArchive(path, limit: 1 << 19) }
    guard case .tooLarge(_, _, let size, 1 << 19)? = error else {
      Issue.record("expected too large, found \(String(describing: error))")
      return
    }
    #expect(size > 1 << 20)
  }

  @Test(arguments: [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "{'descr': '<f4', 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }",
    "{'descr': '<f3', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", "", "[]", "{'descr': [[[[",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
  ])
  func hostileHeadersAreRefused(header: String) throws {
    let text = Array(header.utf8)
    let front: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0] + text
    let file = FileBytes(copying: front + [UInt8](repeating: 0, count: 8), path: "hostile.npy")
    #expect(throws: CheckpointError.self) { try NumPyFile.tensor(file) }
  }
}
