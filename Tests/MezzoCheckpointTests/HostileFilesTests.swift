import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoCheckpoint

/// Changed files by the thousand: each is read, or is a typed error; none ends the process or takes memory that the file
/// does not account for.
@Suite struct HostileFilesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// - Parameter read: what is tried with a changed file.
  private func attack(
    _ seeds: [[UInt8]], count: Int, seed: UInt64, _ read: (FileBytes) throws -> Void
  ) throws {
    var mutator = Mutator(seed: seed)
    var refused = 0
    for _ in 0..<count {
      do {
        try read(FileBytes(copying: mutator.mutated(mutator.choose(seeds)), path: "hostile"))
      } catch is CheckpointError {
        refused += 1
      } catch is LayerError {
        refused += 1
      }
    }
    #expect(refused > count / 10 && refused < count)
  }

  @Test func safetensors() throws {
    var variables = Variables()
    for dtype in [DType.float64, .float32, .bfloat16, .float8E4M3FN, .int64, .bool, .complex64] {
      variables.set("layer.\(dtype.name)", try Tensor(zeros: TensorType(dtype, [2, 3])))
    }
    try Safetensors.write(variables, to: folder.path("w.safetensors"))
    let bytes = [UInt8](try Data(contentsOf: folder.url.appending(path: "w.safetensors")))
    try attack([bytes], count: Mutator.count(share: 0.26, otherwise: 3_000), seed: 1) { file in
      _ = try Safetensors.parse(Array(file.bytes), path: file.path)
    }
  }

  @Test func indicesOfShards() throws {
    let index = #"{"metadata":{"total_size":8},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}}"#
    var mutator = Mutator(seed: 2)
    let path = folder.path("model.safetensors.index.json")
    for _ in 0..<Mutator.count(share: 0.02, otherwise: 300) {
      try Data(mutator.mutated(Array(index.utf8))).write(to: URL(filePath: path))
      #expect(throws: CheckpointError.self) { try SafetensorsShards(path).variables() }
    }
  }

  @Test func arraysOfNumPy() throws {
    let seeds = try ["little_f4", "fortran_big", "version3", "bool"].map { try Fixture.bytes("numpy/\($0).npy") }
    try attack(seeds, count: Mutator.count(share: 0.14, otherwise: 2_000), seed: 3) { _ = try NumPyFile.tensor($0) }
  }

  @Test func archivesOfNumPy() throws {
    let seeds = try ["stored", "deflated"].map { try Fixture.bytes("numpy/\($0).npz") }
    try attack(seeds, count: Mutator.count(share: 0.14, otherwise: 2_000), seed: 4) {
      _ = try NumPyFile.archive($0, limit: 1 << 24)
    }
  }

  @Test func hdf5() throws {
    let names = ["layouts", "latest", "dense_links", "many_links", "newest_chunks"].map { "hdf5/\($0).h5" }
    let seeds = try (names + ["keras/mlp.weights.h5"]).map { try Fixture.bytes($0) }
    try attack(seeds, count: Mutator.count(share: 0.25, otherwise: 600), seed: 5) { file in
      let file = try HDF5File(file)
      for dataset in file.datasets.values { _ = try file.tensor(dataset) }
    }
  }

  @Test(arguments: ["mlp", "texts.mixed_float16", "grouped.float32"]) func modelsOfKeras(name: String) throws {
    let runtime = Runtime.builtinOnly()
    let whole = try Fixture.bytes("keras/\(name).keras")
    let archive = try ZipArchive(FileBytes(copying: whole, path: "whole"))
    let parts = try ["config.json", "model.weights.h5"].map { name in
      (name, Array(try archive.content(#require(archive.member(name)), limit: .max).bytes))
    }
    var mutator = Mutator(seed: 6)
    let count = Mutator.count(share: 0.03, otherwise: 30)
    var refused = 0
    for index in 0..<count {
      // Checksums would find any change inside: those are made before the archive is.
      let changed = index % 3
      let file: FileBytes
      if changed == 2 {
        file = FileBytes(copying: mutator.mutated(whole), path: "hostile")
      } else {
        let storages = parts.enumerated().map { place, part in
          (part.0, TensorStorage(copying: place == changed ? mutator.mutated(part.1) : part.1))
        }
        let members = storages.map { ZipWriter.Member(name: $0.0, parts: [UnsafeRawBufferPointer($0.1.bytes)]) }
        try withExtendedLifetime(storages) {
          try ZipWriter.write(members, compressed: false, to: folder.path("m.keras"))
        }
        file = try FileBytes(file: folder.path("m.keras"))
      }
      do {
        _ = try Model.keras(file, runtime: runtime)
      } catch is CheckpointError {
        refused += 1
      } catch is LayerError {
        refused += 1
      }
    }
    #expect(refused > count / 4 && refused <= count)
  }

  @Test func sizesThatTheFileCannotHoldAreRefused() throws {
    // A member of 12 bytes that claims to become 2⁴⁰.
    var bytes = try Fixture.bytes("numpy/deflated.npz")
    let directory = try #require(bytes.firstRange(of: [0x50, 0x4B, 0x01, 0x02]))
    for offset in 0..<4 { bytes[directory.lowerBound + 24 + offset] = 0xFE }
    let error = #expect(throws: CheckpointError.self) {
      try NumPyFile.archive(FileBytes(copying: bytes, path: "bomb"), limit: .max)
    }
    #expect(error?.description.contains("cannot become") == true)
  }
}
