import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@testable import MezzoCheckpoint

@Suite final class SafetensorsTests {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private var path: String { directory.appending(path: "w.safetensors").path }

  private func sample() throws -> Variables {
    var variables = Variables()
    for dtype in [
      DType.float64, .float32, .float16, .bfloat16, .float8E4M3FN, .float8E5M2, .int64, .int8, .uint8, .bool,
    ] {
      variables.set("layer.\(dtype.name)", try Tensor([0, 1, 1, 0, 1, 1], shape: [2, 3], dtype: dtype))
    }
    variables.set("scalar", try Tensor(3, dtype: .float32))
    variables.set("after", try Tensor([1, 2], shape: [2], dtype: .float32))
    variables.set("zempty", try Tensor(zeros: TensorType(.float32, [0])))
    variables.set("between", try Tensor(5, dtype: .float64))
    variables.set("empty", try Tensor(zeros: TensorType(.float32, [0, 4])))
    return variables
  }

  @Test func everyDTypeRoundTripsBitForBit() throws {
    let variables = try sample()
    try Safetensors.write(variables, to: path)
    let read = try Safetensors.read(path)
    #expect(Set(read.paths) == Set(variables.paths))
    for name in variables.paths { #expect(read[name] == variables[name]) }
  }

  @Test func theHeaderIsWhatOthersRead() throws {
    var variables = Variables()
    variables.set("w", try Tensor([1, 2], shape: [2], dtype: .bfloat16))
    try Safetensors.write(variables, to: path)
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let length = Int(bytes[0]) + Int(bytes[1]) << 8
    let header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
    #expect(header.contains(#""w":{"data_offsets":[0,4],"dtype":"BF16","shape":[2]}"#))
    #expect((8 + length) % 8 == 0)
    #expect(Array(bytes[(8 + length)...]) == [0x80, 0x3F, 0x00, 0x40])
  }

  @Test func everyTruncationIsATypedError() throws {
    try Safetensors.write(try sample(), to: path)
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    for count in 0..<bytes.count {
      #expect(throws: CheckpointError.self) { try Safetensors.parse(Array(bytes[..<count]), path: "cut") }
    }
  }

  @Test func mutatedFilesNeverTrap() throws {
    try Safetensors.write(try sample(), to: path)
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var random = SplitMix64(seed: 3)
    var refused = 0
    for _ in 0..<3_000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        mutated[Int.random(in: 0..<bytes.count - 80, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      do throws(CheckpointError) { _ = try Safetensors.parse(mutated, path: "mutated") } catch { refused += 1 }
    }
    #expect(refused > 1_000)
  }

  @Test(arguments: [
    #"{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
    #"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#,
    #"{"a":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}"#, "[]", "{",
    #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#,
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}}"#,
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}}"#,
    #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#,
    #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8],"more":1}}"#,
    #"{"a":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}}"#, #"{"__metadata__":{"a":1}}"#,
    #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}} {}"#,
  ])
  func hostileHeadersAreRefused(header: String) throws {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    #expect(throws: CheckpointError.self) {
      try Safetensors.parse(length + Array(header.utf8) + [UInt8](repeating: 0, count: 8), path: "hostile")
    }
  }

  @Test func aFileThatCannotBeWrittenLeavesTheOldOne() throws {
    try Safetensors.write(try sample(), to: path)
    let missing = directory.appending(path: "no/such/place.safetensors").path
    #expect(throws: CheckpointError.self) { try Safetensors.write(sample(), to: missing) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["w.safetensors"])
  }

  @Test func aMissingFileSaysSo() {
    let error = #expect(throws: CheckpointError.self) { try Safetensors.read("/nowhere/w.safetensors") }
    #expect(error?.description.contains("/nowhere/w.safetensors") == true)
  }

  @Test func tensorsAreReadOneByOne() throws {
    let variables = try sample()
    try Safetensors.write(variables, to: path)
    let file = try SafetensorsFile(path)
    #expect(Set(file.names) == Set(variables.paths))
    for name in file.names {
      #expect(file.type(of: name) == variables[name]?.type)
      #expect(try file.tensor(name) == variables[name])
    }
    #expect(file.type(of: "none") == nil)
    #expect(throws: CheckpointError.missingTensor(path: path, tensor: "none")) { try file.tensor("none") }
  }

  @Test func aFileThatShrinksIsATypedError() throws {
    try Safetensors.write(try sample(), to: path)
    let file = try SafetensorsFile(path)
    let handle = try FileHandle(forWritingTo: URL(filePath: path))
    try handle.truncate(atOffset: 100)
    #expect(throws: CheckpointError.self) { try file.tensor("scalar") }
  }

  @Test(arguments: [
    #"{"weight_map":{"scalar":"../w.safetensors"}}"#, #"{"weight_map":{"scalar":"/w.safetensors"}}"#,
    #"{"weight_map":{"scalar":""}}"#, #"{"weight_map":{"scalar":7}}"#, #"{"weight_map":[]}"#, "{}", "{",
    #"{"weight_map":{"scalar":"w.safetensors"}}"#,
  ])
  func hostileIndicesAreRefused(index: String) throws {
    try Safetensors.write(try sample(), to: path)
    let file = directory.appending(path: "model.safetensors.index.json")
    try Data(index.utf8).write(to: file)
    let error = #expect(throws: CheckpointError.self) { _ = try SafetensorsShards(directory.path).tensor("scalar") }
    #expect(error?.description.contains("index") == true)
  }
}
